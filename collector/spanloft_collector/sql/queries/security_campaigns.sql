-- Attacks that came more than once, over users and days.
SELECT
    campaign_id,
    count(DISTINCT trace_id) AS traces,
    count(DISTINCT user_id) AS users,
    min(start_time) AS first_time,
    max(start_time) AS last_time,
    count(*) FILTER (WHERE outcome = 'successful') AS successful,
    arg_max(segment, score) AS segment,
    count(*) OVER () AS total
FROM security_findings
WHERE start_time >= $since AND start_time < $until AND campaign_id IS NOT NULL AND detector <> 'learned'
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
GROUP BY campaign_id
HAVING count(DISTINCT trace_id) > 1
ORDER BY traces DESC, last_time DESC
LIMIT 50;
