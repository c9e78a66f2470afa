SELECT
    trace_id, span_id, start_time, duration_ms, operation, provider, request_model, response_model, model, server_address, service_tier,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, reasoning_tokens,
    input_audio_tokens, output_audio_tokens, input_image_tokens, output_image_tokens,
    input_tokens_raw, token_semantics, usage_source, uncached_input_tokens, reported_cost_usd
FROM llm_calls
WHERE ingest_time > $since AND ingest_time <= $until;
