-- Alerts of the period: those still open first, the worst first, the newest first.
SELECT
    alert_id, time, kind, severity, title, series, service_name, model, window_start, window_end, trace_id, span_id, page,
    state, evidence, count(*) OVER () AS total
FROM alerts
WHERE time < $until AND coalesce(window_end, time) >= $since
  AND ($services IS NULL OR service_name IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($models IS NULL OR model IS NULL OR list_contains($models::VARCHAR[], model))
ORDER BY state = 'open' DESC, list_position(['critical', 'warning', 'info'], severity), time DESC
LIMIT 50;
