-- Alerts of the period: those still open first, the worst first, the newest first. Those that say the same are one row,
-- which has the latest of them and how many there were.
SELECT
    kind, severity, title, service_name, model, page, state, count(*) AS times, min(time) AS first_time, max(time) AS time,
    arg_max(window_start, time) AS window_start, arg_max(window_end, time) AS window_end,
    arg_max(trace_id, time) AS trace_id, arg_max(span_id, time) AS span_id,
    arg_max(evidence ->> '$.window_id', time) AS window_id, count(*) OVER () AS total
FROM alerts
WHERE time < $until AND coalesce(window_end, time) >= $since
  AND ($services IS NULL OR service_name IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($models IS NULL OR model IS NULL OR list_contains($models::VARCHAR[], model))
GROUP BY kind, severity, title, service_name, model, page, state
ORDER BY state = 'open' DESC, list_position(['critical', 'warning', 'info'], severity), time DESC
LIMIT 50;
