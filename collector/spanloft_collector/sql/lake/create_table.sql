CREATE TABLE lake.stored."{table}" (writer VARCHAR, utc_day DATE, {columns});
ALTER TABLE lake.stored."{table}" SET PARTITIONED BY (writer, utc_day);
