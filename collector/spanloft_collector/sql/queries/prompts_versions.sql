-- Versions of one prompt that calls of the period used, oldest first: means, and values of at most about $sample_size
-- calls of each, chosen by a hash of their ids, for the intervals.
WITH named AS (
    SELECT
        version_id, source, template, first_time,
        coalesce(version, 'v' || dense_rank() OVER (ORDER BY first_time, version_id)) AS version
    FROM prompt_versions
    WHERE prompt_id = $prompt_id
),
calls AS (
    SELECT *, count(*) OVER (PARTITION BY version_id) AS in_all
    FROM prompt_calls
    WHERE start_time >= $since AND start_time < $until AND version_id IN (SELECT version_id FROM named)
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(failed, 'error', 'ok')))
),
measured AS (
    SELECT
        version_id, count(*) AS calls, count(*) FILTER (WHERE failed) AS errors, sum(cost_usd) AS cost_usd,
        count(cost_usd) AS priced_calls,
        avg(cost_usd) AS mean_cost_usd,
        avg(duration_ms) FILTER (WHERE NOT failed) AS mean_duration_ms,
        avg(input_tokens) AS mean_input_tokens, avg(output_tokens) AS mean_output_tokens,
        min(start_time) AS first_call_time, max(start_time) AS last_time,
        list(cost_usd) FILTER (WHERE chosen AND cost_usd IS NOT NULL) AS cost_sample,
        list(duration_ms) FILTER (WHERE chosen AND NOT failed) AS duration_sample,
        list(input_tokens) FILTER (WHERE chosen AND input_tokens IS NOT NULL) AS input_sample,
        list(output_tokens) FILTER (WHERE chosen AND output_tokens IS NOT NULL) AS output_sample
    FROM (SELECT *, hash(trace_id, span_id) % greatest(1, in_all // $sample_size) = 0 AS chosen FROM calls)
    GROUP BY version_id
)
SELECT named.version_id, version, source, template, measured.* EXCLUDE (version_id)
FROM measured
JOIN named USING (version_id)
ORDER BY first_time, version_id;
