-- Calls with what the app says they are for: group_by is feature, prompt or tag; NULL filters nothing.
-- A feature is what a tag feature:NAME says, else the span that a trace began with; a call that stands alone has none.
-- A prompt is one of the page Prompts. A call with several tags has several names.
CREATE MACRO labelled_calls(
    first, last, group_by, services := NULL, providers := NULL, models := NULL, operations := NULL, statuses := NULL
) AS TABLE
WITH calls AS (
    SELECT trace_id, span_id, start_time, status_code, tags, input_tokens, output_tokens, cache_read_tokens, cost_usd
    FROM llm_calls
    WHERE start_time >= first AND start_time < last
      AND (services IS NULL OR list_contains(services::VARCHAR[], service_name))
      AND (providers IS NULL OR list_contains(providers::VARCHAR[], provider))
      AND (models IS NULL OR list_contains(models::VARCHAR[], model))
      AND (operations IS NULL OR list_contains(operations::VARCHAR[], operation))
      AND (statuses IS NULL OR list_contains(statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
),
roots AS (
    SELECT trace_id, arg_min(name, start_time) AS root_name
    FROM spans
    WHERE group_by = 'feature' AND parent_span_id IS NULL
      AND start_time >= first::TIMESTAMP - INTERVAL 1 DAY AND start_time < last
      AND operation IS DISTINCT FROM 'chat' AND operation IS DISTINCT FROM 'generate_content'
      AND operation IS DISTINCT FROM 'text_completion' AND operation IS DISTINCT FROM 'embeddings'
    GROUP BY trace_id
),
used AS (
    SELECT trace_id, span_id, any_value(version_id) AS version_id
    FROM prompt_calls
    WHERE group_by = 'prompt' AND start_time >= first AND start_time < last
    GROUP BY trace_id, span_id
),
named AS (
    -- Prompts that were found begin alike in many services; one that the app names is the same everywhere.
    SELECT
        trace_id, span_id, prompt_id,
        if(source = 'explicit' OR service_name IS NULL, prompt, concat(prompt, ' (', service_name, ')')) AS prompt
    FROM used
    JOIN prompt_versions USING (version_id)
)
SELECT
    c.*,
    CASE group_by
        WHEN 'tag' THEN list_distinct(c.tags) WHEN 'prompt' THEN [p.prompt]
        ELSE [coalesce(list_filter(c.tags, lambda tag: starts_with(tag, 'feature:'))[1][9:], r.root_name)]
    END AS names,
    p.prompt_id
FROM calls AS c
LEFT JOIN roots AS r USING (trace_id)
LEFT JOIN named AS p USING (trace_id, span_id);
