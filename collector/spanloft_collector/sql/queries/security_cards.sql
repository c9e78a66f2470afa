-- What was found in the period (bucket NULL) and in each bucket, beside the period before. Learned findings raise no alarm
-- and are counted apart.
WITH found AS (
    SELECT *, detector = 'learned' AS learned, starts_with(detector, 'leak:') AS leak
    FROM security_findings
    WHERE start_time >= coalesce($before, $since) AND start_time < $until
      AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
)
SELECT
    if(start_time >= $since, 'now', 'before') AS period,
    time_bucket(to_seconds($trend_s), start_time) AS bucket,
    count(DISTINCT trace_id) FILTER (WHERE outcome IS NOT NULL AND NOT learned) AS attacked,
    count(DISTINCT trace_id) FILTER (WHERE outcome = 'successful' AND NOT learned) AS successful,
    count(DISTINCT trace_id) FILTER (WHERE outcome = 'suspected' AND NOT learned) AS suspected,
    count(*) FILTER (WHERE leak AND (evidence ->> '$.group') = 'secret') AS secrets,
    count(*) FILTER (WHERE leak AND (evidence ->> '$.group') = 'personal') AS personal,
    count(*) FILTER (WHERE verdict = 'false_alarm') AS false_alarms
FROM found
GROUP BY GROUPING SETS ((period), (period, bucket))
ORDER BY period, bucket NULLS FIRST;
