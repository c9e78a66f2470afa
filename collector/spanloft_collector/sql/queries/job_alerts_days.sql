-- UTC days on which the calls of an ingest window started.
SELECT DISTINCT start_time::DATE AS day FROM llm_calls WHERE ingest_time > $since AND ingest_time <= $until ORDER BY day;
