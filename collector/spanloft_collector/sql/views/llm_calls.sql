-- Not IN: a list_contains is worked out once for each name in a row group's dictionary, an IN for each row.
CREATE VIEW llm_calls AS
SELECT
    *,
    input_tokens - coalesce(cache_read_tokens, 0) - coalesce(cache_write_tokens, 0) AS uncached_input_tokens,
    CASE
        WHEN output_tokens > 0 AND duration_ms > coalesce(ttft_ms, 0)
        THEN output_tokens * 1000.0 / (duration_ms - coalesce(ttft_ms, 0))
    END AS tokens_per_s
FROM spans
WHERE list_contains(['chat', 'generate_content', 'text_completion', 'embeddings'], operation) AND duplicate_of IS NULL;

COMMENT ON VIEW llm_calls IS 'Billable calls to a model, each once: duplicates and aggregates on parents are left out';
COMMENT ON COLUMN llm_calls.uncached_input_tokens IS 'Input tokens neither read from nor written to the cache';
COMMENT ON COLUMN llm_calls.tokens_per_s IS 'Output tokens per second of generation, after the first token where that is known';
