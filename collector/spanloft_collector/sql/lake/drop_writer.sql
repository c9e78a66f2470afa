DELETE FROM lake.stored."{table}" WHERE writer = $writer;
