-- Spans that arrived in the period (bucket NULL) and in each bucket, by what became of them, beside the period before.
SELECT
    if(minute >= $since, 'now', 'before') AS period,
    time_bucket(to_seconds($trend_s), minute) AS bucket,
    coalesce(sum(spans) FILTER (WHERE outcome = 'stored'), 0)::BIGINT AS stored,
    coalesce(sum(spans) FILTER (WHERE outcome = 'refused'), 0)::BIGINT AS refused,
    coalesce(sum(spans) FILTER (WHERE outcome = 'repeated'), 0)::BIGINT AS repeated,
    coalesce(sum(late), 0)::BIGINT AS late,
    coalesce(sum(duplicate_calls), 0)::BIGINT AS duplicate_calls,
    coalesce(sum(spans) FILTER (WHERE outcome = 'stored' AND dialect IS NULL), 0)::BIGINT AS unclaimed
FROM ingest_health
WHERE minute >= coalesce($before, $since) AND minute < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
GROUP BY GROUPING SETS ((period), (period, bucket))
ORDER BY period, bucket NULLS FIRST;
