-- As latency_heat, of whole hours; zones that lie whole hours beside UTC.
WITH found AS (
    SELECT
        *, hour + to_seconds(if(hour < $moved_at, $earlier_s, $offset_s)) AS local,
        isodow(local) AS weekday, hour(local) AS local_hour
    FROM usage_between(
        $since::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP,
        services := $services, providers := $providers, models := $models,
        operations := $operations, statuses := $statuses
    )
),
slow AS (
    SELECT weekday, local_hour, quantile_cont(duration_ms, 0.95) AS p95_ms
    FROM (SELECT weekday, local_hour, unnest(durations_ms) AS duration_ms FROM found WHERE NOT failed)
    GROUP BY ALL
)
SELECT
    weekday, local_hour AS hour, sum(calls)::BIGINT AS calls, any_value(p95_ms) AS p95_ms,
    coalesce(sum(calls) FILTER (WHERE failed), 0) / sum(calls) AS error_rate,
    arg_max(found.hour, list_max(durations_ms)) FILTER (WHERE NOT failed) AS slowest_hour,
    max(found.hour) FILTER (WHERE failed) AS failed_hour, max(found.hour) AS latest_hour
FROM found
LEFT JOIN slow USING (weekday, local_hour)
GROUP BY weekday, local_hour
ORDER BY weekday, local_hour;
