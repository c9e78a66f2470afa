-- What each instrumentation got wrong or left out of successful calls: one row per gap with the latest call that shows it.
-- share is that of the calls of this instrumentation to which the gap can happen.
WITH calls AS (
    SELECT
        coalesce(scope_name, 'unknown') AS scope_name, dialect, trace_id, span_id, start_time,
        duplicate_of IS NOT NULL AS counted_twice,
        coalesce(is_stream, false) AS is_stream,
        request_model IS NULL AND response_model IS NULL AS no_model,
        request_model IS NOT NULL AND response_model IS NULL AS no_response_model,
        input_tokens IS NULL AND output_tokens IS NULL AS no_tokens,
        coalesce(usage_source = 'estimated', false) AS estimated,
        coalesce(token_semantics = 'exclusive', false) AS exclusive,
        cost_usd IS NULL AND coalesce(input_tokens, output_tokens) IS NOT NULL AS no_price,
        input_preview IS NULL AND output_preview IS NULL AS no_content,
        coalesce(is_stream AND ttft_ms IS NULL, false) AS no_first_token,
        operation IN ('chat', 'generate_content', 'text_completion') AND finish_reason IS NULL AS no_finish_reason,
        -- Messages that could not be read stay text, and their preview begins like the JSON they were.
        coalesce(regexp_matches(input_preview, '^\s*\[?\{\s*"role"'), false)
            OR coalesce(regexp_matches(output_preview, '^\s*\[?\{\s*"role"'), false) AS not_parsed,
        coalesce(finish_reason IN ('length', 'max_tokens'), false) AS cut_off,
        start_time > ingest_time + INTERVAL 2 SECOND AS clock_ahead
    FROM spans
    WHERE start_time >= $since AND start_time < $until AND status_code IS DISTINCT FROM 'error'
      AND operation IN ('chat', 'generate_content', 'text_completion', 'embeddings')
      AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
),
-- Few combinations of gaps occur: calls are counted by these, and what follows reads few rows.
combined AS (
    SELECT
        scope_name, dialect, is_stream, counted_twice, no_model, no_response_model, no_tokens, estimated, exclusive,
        no_price, no_content, no_first_token, no_finish_reason, not_parsed, cut_off, clock_ahead,
        count(*) AS calls, max(start_time) AS start_time,
        arg_max(trace_id, start_time) AS trace_id, arg_max(span_id, start_time) AS span_id
    FROM calls
    GROUP BY ALL
),
counted AS (
    SELECT
        *, sum(calls) OVER (PARTITION BY scope_name, dialect) AS in_all,
        sum(calls) FILTER (is_stream) OVER (PARTITION BY scope_name, dialect) AS streams
    FROM combined
),
gaps AS (
    SELECT scope_name, dialect, trace_id, span_id, start_time, calls, in_all, streams, unnest([
        if(counted_twice, 'counted_twice', NULL), if(clock_ahead, 'clock_ahead', NULL), if(no_model, 'no_model', NULL),
        if(no_tokens AND NOT counted_twice, 'no_tokens', NULL), if(no_price AND NOT counted_twice, 'no_price', NULL),
        if(estimated AND NOT counted_twice, 'estimated', NULL), if(exclusive AND NOT counted_twice, 'exclusive', NULL),
        if(no_response_model AND NOT counted_twice, 'no_response_model', NULL), if(no_content, 'no_content', NULL),
        if(no_first_token, 'no_first_token', NULL), if(not_parsed, 'not_parsed', NULL), if(cut_off, 'cut_off', NULL),
        if(no_finish_reason AND NOT counted_twice, 'no_finish_reason', NULL)
    ]) AS gap
    FROM counted
)
SELECT
    scope_name, dialect, gap, sum(calls)::BIGINT AS calls,
    sum(calls) / any_value(if(gap = 'no_first_token', streams, in_all)) AS share,
    max(start_time) AS start_time, arg_max(trace_id, start_time) AS trace_id, arg_max(span_id, start_time) AS span_id,
    count(*) OVER () AS total
FROM gaps
WHERE gap IS NOT NULL
GROUP BY scope_name, dialect, gap
ORDER BY
    list_position(['counted_twice', 'no_model', 'no_tokens', 'no_price', 'not_parsed', 'clock_ahead', 'exclusive', 'estimated'], gap) NULLS LAST,
    calls DESC, scope_name, gap
LIMIT 100;
