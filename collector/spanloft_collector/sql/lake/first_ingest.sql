SELECT epoch_us(min(ingest_time)) FROM lake.stored.spans;
