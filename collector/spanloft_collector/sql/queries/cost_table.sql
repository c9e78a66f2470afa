-- Who spends: calls, tokens, cost, share and change by $group_by. Cost is NULL where no call had a price.
WITH sides AS (
    SELECT
        coalesce(CASE $group_by
            WHEN 'provider' THEN provider WHEN 'service' THEN service_name WHEN 'user' THEN user_id
            WHEN 'operation' THEN operation ELSE model
        END, 'unknown') AS grouped,
        any_value(provider) AS provider,
        count(*) FILTER (WHERE start_time >= $since AND status_code IS DISTINCT FROM 'error') AS calls,
        sum(input_tokens) FILTER (WHERE start_time >= $since)::BIGINT AS input_tokens,
        sum(output_tokens) FILTER (WHERE start_time >= $since)::BIGINT AS output_tokens,
        sum(cache_read_tokens) FILTER (WHERE start_time >= $since)
            / nullif(sum(input_tokens) FILTER (WHERE start_time >= $since), 0) AS cached_share,
        sum(cost_usd) FILTER (WHERE start_time >= $since) AS cost_usd,
        sum(cost_usd) FILTER (WHERE start_time < $since) AS cost_before,
        count(*) FILTER (WHERE start_time >= $since AND cost_usd IS NULL AND status_code IS DISTINCT FROM 'error') AS unpriced_calls
    FROM llm_calls
    WHERE start_time >= coalesce($before, $since) AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
    GROUP BY grouped
)
SELECT
    *,
    cost_usd / nullif(sum(cost_usd) OVER (), 0) AS cost_share,
    if($before IS NULL, NULL, cost_usd / nullif(cost_before, 0) - 1) AS relative_change,
    cost_usd / nullif(calls - unpriced_calls, 0) AS cost_per_call,
    count(*) OVER () AS total
FROM sides
WHERE calls > 0
ORDER BY cost_usd DESC NULLS LAST, calls DESC, grouped
LIMIT 200;
