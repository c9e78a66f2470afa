-- Text that a prompt repeats in every call: its tokens (a quarter of its characters) and their dollars at the price of
-- uncached input, beside the tokens that these calls read from the provider's cache.
WITH used AS (
    SELECT version_id, provider, model, count(*) AS calls, sum(input_tokens) AS input_tokens
    FROM prompt_calls
    WHERE start_time >= $since AND start_time < $until AND input_tokens IS NOT NULL
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
    GROUP BY ALL
),
priced AS (
    SELECT provider, model, sum(input_cost_usd) / nullif(sum(uncached_input_tokens), 0) AS input_usd
    FROM costs
    WHERE start_time >= $since AND start_time < $until AND cost_usd IS NOT NULL
    GROUP BY ALL
)
SELECT
    sum(calls)::BIGINT AS calls, count(DISTINCT version_id) AS versions, sum(input_tokens)::BIGINT AS input_tokens,
    sum(least(constant_tokens * calls, input_tokens))::BIGINT AS constant_tokens,
    sum(least(constant_tokens * calls, input_tokens) * input_usd) AS constant_usd
FROM used
JOIN (
    SELECT version_id, length(replace(template, '{…}', '')) / 4.0 AS constant_tokens
    FROM prompt_versions
    WHERE template IS NOT NULL
) USING (version_id)
LEFT JOIN priced
    ON priced.provider IS NOT DISTINCT FROM used.provider AND priced.model IS NOT DISTINCT FROM used.model;
