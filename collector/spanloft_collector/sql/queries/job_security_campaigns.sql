-- Attacks of the last days; each signature once.
SELECT campaign_id, signature
FROM security_detections
WHERE start_time > $since AND campaign_id IS NOT NULL
GROUP BY ALL
ORDER BY min(start_time)
LIMIT 50000;
