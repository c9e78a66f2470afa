-- What people said of the findings of each detector: the error rate in the app's own traffic.
SELECT
    detector,
    count(DISTINCT finding_id) AS findings,
    count(DISTINCT finding_id) FILTER (WHERE verdict = 'true_alarm') AS true_alarms,
    count(DISTINCT finding_id) FILTER (WHERE verdict = 'false_alarm') AS false_alarms
FROM security_findings
WHERE start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
GROUP BY detector
ORDER BY true_alarms + false_alarms DESC, findings DESC
LIMIT 40;
