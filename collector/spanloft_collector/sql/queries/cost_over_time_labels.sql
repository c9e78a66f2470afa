-- As cost_over_time, by what the app says its calls are for: $group_by is feature, prompt or tag.
-- A feature is what a tag feature:NAME says, else the span that a trace began with; a call that stands alone has none.
-- A prompt is one of the page Prompts. A call with several tags counts under each of them.
WITH calls AS (
    SELECT trace_id, span_id, start_time, status_code, tags, input_tokens, output_tokens, cache_read_tokens, cost_usd
    FROM llm_calls
    WHERE start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
      AND cost_usd IS NOT NULL
),
roots AS (
    SELECT trace_id, arg_min(name, start_time) AS root_name
    FROM spans
    WHERE $group_by = 'feature' AND parent_span_id IS NULL
      AND start_time >= $since::TIMESTAMP - INTERVAL 1 DAY AND start_time < $until
      AND operation IS DISTINCT FROM 'chat' AND operation IS DISTINCT FROM 'generate_content'
      AND operation IS DISTINCT FROM 'text_completion' AND operation IS DISTINCT FROM 'embeddings'
    GROUP BY trace_id
),
used AS (
    SELECT trace_id, span_id, any_value(version_id) AS version_id
    FROM prompt_calls
    WHERE $group_by = 'prompt' AND start_time >= $since AND start_time < $until
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
buckets AS (
    SELECT time_bucket(to_seconds($bucket_s), start_time) AS bucket, coalesce(label, 'unknown') AS grouped, sum(cost_usd) AS cost_usd
    FROM (SELECT *, unnest(if(len(names) > 0, names, [NULL])) AS label FROM labels)
    GROUP BY bucket, grouped
),
ranked AS (
    SELECT grouped, row_number() OVER (ORDER BY sum(cost_usd) DESC, grouped) AS place
    FROM buckets
    GROUP BY grouped
)
SELECT bucket, if(place <= 7, grouped, 'other') AS series, sum(cost_usd) AS cost_usd, min(place) AS place
FROM buckets
JOIN ranked USING (grouped)
GROUP BY bucket, series
ORDER BY place, bucket;
