-- Why spans were refused.
SELECT coalesce(reason, 'not recorded') AS reason, sum(spans)::BIGINT AS spans, max(minute) AS last_time
FROM ingest_health
WHERE minute >= $since AND minute < $until AND outcome = 'refused'
GROUP BY reason
ORDER BY spans DESC
LIMIT 50;
