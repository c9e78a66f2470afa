INSERT INTO lake.stored."{table}" (writer, utc_day, {columns})
SELECT $writer, "{time}"::DATE, {columns} FROM {source};
