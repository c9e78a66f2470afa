-- Calls that worked and whose cost is unknown, by model, with the reason. They are in no sum.
SELECT
    provider, model, count(*) AS calls, sum(input_tokens)::BIGINT AS input_tokens, sum(output_tokens)::BIGINT AS output_tokens,
    if(count(input_tokens) = 0 AND count(output_tokens) = 0, 'the app reported no token usage', any_value(price_note)) AS reason,
    max(start_time) AS last_time, arg_max(trace_id, start_time) AS trace_id, arg_max(span_id, start_time) AS span_id
FROM (
    SELECT llm_calls.*, costs.price_note
    FROM llm_calls
    LEFT JOIN (FROM costs WHERE start_time >= $since AND start_time < $until AND cost_usd IS NULL) AS costs
        USING (trace_id, span_id)
    WHERE llm_calls.start_time >= $since AND llm_calls.start_time < $until AND llm_calls.cost_usd IS NULL
)
WHERE status_code IS DISTINCT FROM 'error'
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
GROUP BY provider, model
ORDER BY calls DESC, model
LIMIT 50;
