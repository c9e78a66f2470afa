-- As cost_table, by what the app says its calls are for: $group_by is feature, prompt or tag.
-- A feature is what a tag feature:NAME says, else the span that a trace began with; a call that stands alone has none.
-- A prompt is one of the page Prompts. A call with several tags counts under each of them.
WITH calls AS (
    SELECT trace_id, span_id, start_time, status_code, tags, input_tokens, output_tokens, cache_read_tokens, cost_usd
    FROM llm_calls
    WHERE start_time >= coalesce($before, $since) AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
),
roots AS (
    SELECT trace_id, arg_min(name, start_time) AS root_name
    FROM spans
    WHERE $group_by = 'feature' AND parent_span_id IS NULL
      AND start_time >= coalesce($before, $since)::TIMESTAMP - INTERVAL 1 DAY AND start_time < $until
      AND operation IS DISTINCT FROM 'chat' AND operation IS DISTINCT FROM 'generate_content'
      AND operation IS DISTINCT FROM 'text_completion' AND operation IS DISTINCT FROM 'embeddings'
    GROUP BY trace_id
),
used AS (
    SELECT trace_id, span_id, any_value(version_id) AS version_id
    FROM prompt_calls
    WHERE $group_by = 'prompt' AND start_time >= coalesce($before, $since) AND start_time < $until
    GROUP BY trace_id, span_id
),
named AS (
    -- Prompts that were found begin alike in many services; one that the app names is the same everywhere.
    SELECT
        trace_id, span_id, prompt_id,
        if(source = 'explicit' OR service_name IS NULL, prompt, concat(prompt, ' (', service_name, ')')) AS prompt
    FROM used
    JOIN prompt_versions USING (version_id)
),
labels AS (
    SELECT
        c.*,
        CASE $group_by
            WHEN 'tag' THEN list_distinct(c.tags) WHEN 'prompt' THEN [p.prompt]
            ELSE [coalesce(list_filter(c.tags, lambda tag: starts_with(tag, 'feature:'))[1][9:], r.root_name)]
        END AS names,
        p.prompt_id
    FROM calls AS c
    LEFT JOIN roots AS r USING (trace_id)
    LEFT JOIN named AS p USING (trace_id, span_id)
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
    cost_usd / nullif((SELECT sum(cost_usd) FROM calls WHERE start_time >= $since), 0) AS cost_share,
    if($before IS NULL, NULL, cost_usd / nullif(cost_before, 0) - 1) AS relative_change,
    cost_usd / nullif(calls - unpriced_calls, 0) AS cost_per_call,
    count(*) OVER () AS total
FROM sides
WHERE calls > 0
ORDER BY cost_usd DESC NULLS LAST, calls DESC, grouped
LIMIT 200;
