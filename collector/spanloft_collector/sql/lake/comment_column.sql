COMMENT ON COLUMN lake.stored."{table}"."{column}" IS {text};
