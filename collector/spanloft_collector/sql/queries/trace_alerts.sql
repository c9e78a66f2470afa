-- Alerts that name one span or its whole trace, and those of the time, service and model in which it was made.
SELECT
    kind, severity, title, service_name, model, page, state, 1 AS times, time, window_start, window_end, trace_id, span_id,
    evidence ->> '$.window_id' AS window_id,
    coalesce(trace_id = $trace_id AND coalesce(span_id, $span_id) = $span_id, false) AS is_named, count(*) OVER () AS total
FROM alerts
WHERE time >= $at::TIMESTAMP - INTERVAL 8 DAY AND time < $at::TIMESTAMP + INTERVAL 8 DAY
  AND (
      (trace_id = $trace_id AND coalesce(span_id, $span_id) = $span_id)
      OR (
          window_start <= $at AND window_end > $at
          AND (service_name IS NULL OR service_name = $of_service)
          AND (model IS NULL OR model = $of_model)
          AND (service_name IS NOT NULL OR model IS NOT NULL)
      )
  )
ORDER BY is_named DESC, list_position(['critical', 'warning', 'info'], severity), time DESC
LIMIT 20;
