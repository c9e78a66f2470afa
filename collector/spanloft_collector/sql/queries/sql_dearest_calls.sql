-- The dearest calls, with what was asked
SELECT start_time, service_name, model, input_tokens, output_tokens, cost_usd, input_preview, trace_id
FROM llm_calls
ORDER BY cost_usd DESC NULLS LAST
LIMIT 50;
