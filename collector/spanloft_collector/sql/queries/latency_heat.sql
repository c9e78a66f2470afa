-- By day of the week (1 is Monday) and hour of the viewer, whose clock is $offset_s seconds ahead of UTC, and was $earlier_s before $moved_at: calls, p95 of the successful ones, share that failed;
-- and when, UTC, those hours of the viewer began that hold the slowest call, the latest failure and the latest call.
SELECT
    isodow(local) AS weekday, hour(local) AS hour, count(*) AS calls,
    quantile_cont(duration_ms, 0.95) FILTER (WHERE status_code IS DISTINCT FROM 'error') AS p95_ms,
    count(*) FILTER (WHERE status_code = 'error') / count(*) AS error_rate,
    arg_max(began, duration_ms) FILTER (WHERE status_code IS DISTINCT FROM 'error') AS slowest_hour,
    max(began) FILTER (WHERE status_code = 'error') AS failed_hour,
    max(began) AS latest_hour
FROM (
    SELECT
        *, start_time + to_seconds(if(start_time < $moved_at, $earlier_s, $offset_s)) AS local,
        start_time - (local - date_trunc('hour', local)) AS began
    FROM llm_calls
    WHERE start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
)
GROUP BY weekday, hour
ORDER BY weekday, hour;
