-- What instrumentations leave out, by scope: share of the calls without model, tokens, content, price or first token.
SELECT
    coalesce(scope_name, 'unknown') AS scope_name, dialect, count(*) AS calls,
    count(*) FILTER (WHERE model IS NULL) / count(*) AS no_model,
    count(*) FILTER (WHERE input_tokens IS NULL AND output_tokens IS NULL) / count(*) AS no_tokens,
    count(*) FILTER (WHERE input_preview IS NULL) / count(*) AS no_content,
    count(*) FILTER (WHERE cost_usd IS NULL) / count(*) AS no_price,
    count(*) FILTER (WHERE is_stream AND ttft_ms IS NULL) / nullif(count(*) FILTER (WHERE is_stream), 0) AS no_first_token
FROM llm_calls
WHERE start_time >= $since AND start_time < $until AND status_code IS DISTINCT FROM 'error'
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
GROUP BY ALL
ORDER BY calls DESC
LIMIT 50;
