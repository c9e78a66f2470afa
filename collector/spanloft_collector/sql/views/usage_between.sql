-- Usage of whole hours: what the job has summed up, and the calls that were stored after it looked. NULL filters nothing.
CREATE MACRO usage_between(
    first, last, rolled_until, services := NULL, providers := NULL, models := NULL, operations := NULL, statuses := NULL
) AS TABLE
WITH hours AS (
    SELECT *
    FROM usage_hourly
    WHERE hour >= first AND hour < last
    UNION ALL BY NAME
    SELECT
        date_trunc('hour', start_time) AS hour, service_name, provider, model, operation,
        coalesce(price_source, 'none') AS price_source, status_code IS NOT DISTINCT FROM 'error' AS failed,
        1::BIGINT AS calls,
        (
            error_type ILIKE '%ratelimit%' OR error_type ILIKE '%rate_limit%' OR error_type = '429' OR status_message LIKE '%429%'
        )::BIGINT AS rate_limited,
        (cost_usd IS NOT NULL)::BIGINT AS priced_calls,
        cost_usd,
        CASE WHEN cost_usd IS NOT NULL THEN input_tokens + output_tokens END AS priced_tokens,
        input_tokens, uncached_input_tokens, cache_read_tokens, cache_write_tokens, output_tokens,
        CASE WHEN duration_ms IS NOT NULL THEN [duration_ms] END AS durations_ms,
        CASE WHEN ttft_ms IS NOT NULL THEN [ttft_ms] END AS ttfts_ms,
        CASE WHEN tokens_per_s IS NOT NULL THEN [tokens_per_s] END AS speeds_tokens_per_s
    FROM llm_calls
    WHERE ingest_time > rolled_until AND start_time >= first AND start_time < last
)
SELECT *
FROM hours
WHERE (services IS NULL OR list_contains(services::VARCHAR[], service_name))
  AND (providers IS NULL OR list_contains(providers::VARCHAR[], provider))
  AND (models IS NULL OR list_contains(models::VARCHAR[], model))
  AND (operations IS NULL OR list_contains(operations::VARCHAR[], operation))
  AND (statuses IS NULL OR list_contains(statuses::VARCHAR[], if(failed, 'error', 'ok')));
