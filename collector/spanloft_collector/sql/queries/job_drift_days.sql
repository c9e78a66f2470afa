SELECT DISTINCT start_time::DATE AS day
FROM llm_calls
WHERE ingest_time > $since AND ingest_time <= $until AND operation != 'embeddings'
ORDER BY day;
