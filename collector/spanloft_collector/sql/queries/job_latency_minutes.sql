SELECT DISTINCT date_trunc('minute', start_time) AS minute
FROM llm_calls
WHERE ingest_time > $since AND ingest_time <= $until
ORDER BY minute;
