-- Findings of rules and behaviour over time, by category.
SELECT
    time_bucket(to_seconds($bucket_s), start_time) AS bucket,
    replace(category, '_', ' ') AS series,
    count(*) AS findings
FROM security_findings
WHERE start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND detector <> 'learned' AND severity IN ('medium', 'high', 'critical')
GROUP BY ALL
ORDER BY series, bucket;
