-- Requests that were made again most dearly in the period, with the latest of the calls that could have been spared.
SELECT
    model, service_name, input_preview, count(*) AS calls, sum(saved_usd) AS saved_usd, median(age_ms) AS age_ms,
    max(start_time) AS start_time, arg_max(trace_id, start_time) AS trace_id, arg_max(span_id, start_time) AS span_id,
    count(*) OVER () AS total
FROM savings
WHERE start_time >= $since AND start_time < $until AND kind IN ('exact', 'near')
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
GROUP BY model, service_name, input_preview
ORDER BY saved_usd DESC NULLS LAST, calls DESC, input_preview
LIMIT 50;
