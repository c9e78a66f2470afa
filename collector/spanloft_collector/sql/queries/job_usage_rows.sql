-- Calls that were stored in a window, summed up by hour. Sums and lists of several windows add up, so each is only added.
SELECT
    date_trunc('hour', start_time) AS hour, service_name, provider, model, operation,
    coalesce(price_source, 'none') AS price_source, status_code IS NOT DISTINCT FROM 'error' AS failed,
    count(*) AS calls,
    count(*) FILTER (
        WHERE error_type ILIKE '%ratelimit%' OR error_type ILIKE '%rate_limit%' OR error_type = '429' OR status_message LIKE '%429%'
    ) AS rate_limited,
    count(cost_usd) AS priced_calls,
    sum(cost_usd) AS cost_usd,
    sum(input_tokens + output_tokens) FILTER (WHERE cost_usd IS NOT NULL)::BIGINT AS priced_tokens,
    sum(input_tokens)::BIGINT AS input_tokens,
    sum(uncached_input_tokens)::BIGINT AS uncached_input_tokens,
    sum(cache_read_tokens)::BIGINT AS cache_read_tokens,
    sum(cache_write_tokens)::BIGINT AS cache_write_tokens,
    sum(output_tokens)::BIGINT AS output_tokens,
    list(duration_ms) FILTER (WHERE duration_ms IS NOT NULL) AS durations_ms,
    list(ttft_ms) FILTER (WHERE ttft_ms IS NOT NULL) AS ttfts_ms,
    list(tokens_per_s) FILTER (WHERE tokens_per_s IS NOT NULL) AS speeds_tokens_per_s
FROM llm_calls
WHERE ingest_time > $since AND ingest_time <= $until AND start_time >= $first::TIMESTAMP AND start_time < $last::TIMESTAMP
GROUP BY ALL;
