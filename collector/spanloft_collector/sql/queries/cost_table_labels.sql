-- As cost_table, by what the app says its calls are for: $group_by is feature, prompt or tag; see the macro.
WITH labels AS (
    FROM labelled_calls(
        coalesce($before, $since), $until, $group_by,
        services := $services, providers := $providers, models := $models, operations := $operations, statuses := $statuses
    )
),
sides AS (
    SELECT
        coalesce(label, 'unknown') AS grouped, any_value(prompt_id) AS prompt_id,
        count(*) FILTER (WHERE start_time >= $since AND status_code IS DISTINCT FROM 'error') AS calls,
        sum(input_tokens) FILTER (WHERE start_time >= $since)::BIGINT AS input_tokens,
        sum(output_tokens) FILTER (WHERE start_time >= $since)::BIGINT AS output_tokens,
        sum(cache_read_tokens) FILTER (WHERE start_time >= $since)
            / nullif(sum(input_tokens) FILTER (WHERE start_time >= $since), 0) AS cached_share,
        sum(cost_usd) FILTER (WHERE start_time >= $since) AS cost_usd,
        sum(cost_usd) FILTER (WHERE start_time < $since) AS cost_before,
        count(*) FILTER (WHERE start_time >= $since AND cost_usd IS NULL AND status_code IS DISTINCT FROM 'error') AS unpriced_calls
    FROM (SELECT *, unnest(if(len(names) > 0, names, [NULL])) AS label FROM labels)
    GROUP BY grouped
)
SELECT
    *,
    cost_usd / nullif((SELECT sum(cost_usd) FROM labels WHERE start_time >= $since), 0) AS cost_share,
    if($before IS NULL, NULL, cost_usd / nullif(cost_before, 0) - 1) AS relative_change,
    cost_usd / nullif(calls - unpriced_calls, 0) AS cost_per_call,
    count(*) OVER () AS total
FROM sides
WHERE calls > 0
ORDER BY cost_usd DESC NULLS LAST, calls DESC, grouped
LIMIT 200;
