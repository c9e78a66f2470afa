ALTER TABLE lake.stored."{table}" ADD COLUMN "{column}" {type};
