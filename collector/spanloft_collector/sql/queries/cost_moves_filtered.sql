-- As cost_moves, of the calls of some services, operations or outcomes; these stand on the spans.
SELECT
    if(start_time >= $since, 'now', 'before') AS period, provider, model,
    count(*) AS calls,
    sum(uncached_input_tokens)::DOUBLE AS uncached_tokens, sum(input_cost_usd) AS uncached_usd,
    sum(cache_read_tokens)::DOUBLE AS read_tokens, sum(cache_read_cost_usd) AS read_usd,
    sum(cache_write_tokens)::DOUBLE AS write_tokens, sum(cache_write_cost_usd) AS write_usd,
    sum(output_tokens)::DOUBLE AS output_tokens, sum(output_cost_usd) AS output_usd,
    sum(cost_usd) AS cost_usd
FROM costs
WHERE start_time >= $before AND start_time < $until AND cost_usd IS NOT NULL
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND (trace_id, span_id) IN (
      SELECT (trace_id, span_id)
      FROM llm_calls
      WHERE start_time >= $before AND start_time < $until
        AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
        AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
        AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
  )
GROUP BY ALL
ORDER BY cost_usd DESC;
