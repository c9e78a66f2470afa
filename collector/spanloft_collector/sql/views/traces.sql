CREATE VIEW traces AS
SELECT
    trace_id,
    min(start_time) AS start_time,
    date_diff('microsecond', min(start_time), max(start_time + to_microseconds(cast(coalesce(duration_ms, 0) * 1000 AS BIGINT))))
        / 1000.0 AS duration_ms,
    coalesce(arg_min(name, start_time) FILTER (WHERE parent_span_id IS NULL), arg_min(name, start_time)) AS name,
    arg_min(service_name, start_time) AS service_name,
    count(*) AS spans,
    count(*) FILTER (WHERE status_code = 'error') AS errors,
    count(*) FILTER (WHERE operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL)
        AS llm_calls,
    sum(input_tokens) FILTER (WHERE operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL)
        AS input_tokens,
    sum(output_tokens) FILTER (WHERE operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL)
        AS output_tokens,
    sum(cost_usd) FILTER (WHERE duplicate_of IS NULL) AS cost_usd,
    count(*) FILTER (
        WHERE operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL AND cost_usd IS NULL
    ) AS unpriced_calls,
    arg_min(session_id, start_time) AS session_id,
    arg_min(user_id, start_time) AS user_id,
    arg_min(input_preview, start_time) AS input_preview,
    arg_max(output_preview, start_time) AS output_preview
FROM spans
GROUP BY trace_id;

COMMENT ON VIEW traces IS 'One row per trace: when, how long, how many spans and calls, what it cost';
COMMENT ON COLUMN traces.start_time IS 'Start of the earliest span, UTC';
COMMENT ON COLUMN traces.duration_ms IS 'From the earliest start to the latest end, in milliseconds';
COMMENT ON COLUMN traces.name IS 'Name of the root span, else of the earliest span';
COMMENT ON COLUMN traces.spans IS 'Number of spans';
COMMENT ON COLUMN traces.errors IS 'Number of failed spans';
COMMENT ON COLUMN traces.llm_calls IS 'Number of billable calls, duplicates removed';
COMMENT ON COLUMN traces.input_tokens IS 'Input tokens of the billable calls';
COMMENT ON COLUMN traces.output_tokens IS 'Output tokens of the billable calls';
COMMENT ON COLUMN traces.cost_usd IS 'Cost of the calls that could be priced; NULL when none could';
COMMENT ON COLUMN traces.unpriced_calls IS 'Billable calls whose cost is unknown; they are not in cost_usd';
