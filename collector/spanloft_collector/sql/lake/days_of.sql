SELECT DISTINCT utc_day::VARCHAR AS day FROM lake.stored."{table}" ORDER BY day;
