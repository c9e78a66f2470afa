-- Prompts that calls of the period used, the dearest first.
WITH used AS (
    SELECT version_id, count(*) AS calls, count(*) FILTER (WHERE failed) AS errors, sum(cost_usd) AS cost_usd,
        sum(input_tokens)::BIGINT AS input_tokens, sum(output_tokens)::BIGINT AS output_tokens,
        max(start_time) AS last_time, list(DISTINCT service_name) AS services
    FROM prompt_calls
    WHERE start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(failed, 'error', 'ok')))
    GROUP BY version_id
)
SELECT
    prompt_id, any_value(prompt) AS prompt, any_value(source) AS source,
    array_to_string(list_sort(list_distinct(flatten(list(services)))), ', ') AS services,
    count(*) AS versions, sum(used.calls)::BIGINT AS calls, sum(used.errors) / sum(used.calls) AS error_rate, sum(used.cost_usd) AS cost_usd,
    sum(used.cost_usd) / nullif(sum(sum(used.cost_usd)) OVER (), 0) AS cost_share,
    sum(used.input_tokens) / sum(used.calls) AS input_tokens, sum(used.output_tokens) / sum(used.calls) AS output_tokens,
    max(last_time) AS last_time, count(*) OVER () AS total
FROM used
JOIN prompt_versions USING (version_id)
GROUP BY prompt_id
ORDER BY cost_usd DESC NULLS LAST, calls DESC, prompt_id
LIMIT 100;
