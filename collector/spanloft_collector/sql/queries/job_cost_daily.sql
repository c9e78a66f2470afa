SELECT
    start_time::DATE AS day,
    service_name,
    provider,
    model,
    operation,
    count(*) AS calls,
    count(*) FILTER (WHERE cost_usd IS NULL) AS unpriced_calls,
    sum(input_tokens)::BIGINT AS input_tokens,
    sum(cache_read_tokens)::BIGINT AS cache_read_tokens,
    sum(cache_write_tokens)::BIGINT AS cache_write_tokens,
    sum(output_tokens)::BIGINT AS output_tokens,
    sum(cost_usd) AS cost_usd
FROM llm_calls
WHERE start_time::DATE IN (SELECT unnest($days::DATE[]))
  AND start_time >= list_min($days::DATE[])
  AND start_time < list_max($days::DATE[]) + INTERVAL 1 DAY
  AND ingest_time <= $until
GROUP BY ALL;
