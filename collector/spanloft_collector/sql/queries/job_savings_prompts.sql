-- Prompts of chat calls from $first to $last, oldest first, as a provider's cache sees them: tools, instructions, messages.
-- fresh tells those of the window; the others only fill the simulated cache.
SELECT
    s.trace_id, s.span_id, s.start_time, s.service_name, s.provider, s.model, s.operation, s.input_preview, s.input_tokens,
    coalesce(s.cache_read_tokens, 0) AS cache_read_tokens, s.ingest_time > $since AND s.ingest_time <= $until AS fresh,
    concat_ws(chr(31), p.tool_definitions::VARCHAR, p.system_instructions::VARCHAR, p.input_messages::VARCHAR) AS prompt
FROM llm_calls AS s
JOIN (FROM payloads WHERE start_time >= $first AND start_time <= $last) AS p USING (trace_id, span_id, start_time)
WHERE s.start_time >= $first AND s.start_time <= $last AND s.ingest_time <= $until
  AND p.input_messages IS NOT NULL AND s.status_code IS DISTINCT FROM 'error' AND s.operation != 'embeddings'
  AND s.input_tokens >= $min_tokens
ORDER BY s.start_time, s.span_id;
