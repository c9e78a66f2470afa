-- From when to when the calls started that were ingested after $since and up to $until.
SELECT min(start_time) AS first_time, max(start_time) AS last_time
FROM llm_calls
WHERE ingest_time > $since AND ingest_time <= $until;
