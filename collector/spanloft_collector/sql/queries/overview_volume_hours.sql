-- As overview_volume, of whole hours.
SELECT
    time_bucket(to_seconds($bucket_s), hour) AS bucket, if(failed, 'failed', 'ok') AS series, sum(calls)::BIGINT AS calls
FROM usage_between(
    $since::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP,
    services := $services, providers := $providers, models := $models,
    operations := $operations, statuses := $statuses
)
GROUP BY bucket, series
ORDER BY series DESC, bucket;
