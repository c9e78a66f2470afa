WITH touched AS (
    SELECT unnest($minutes::TIMESTAMP[]) AS minute
),
calls AS (
    SELECT
        date_trunc('minute', start_time) AS minute,
        service_name, provider, model, operation, duration_ms, ttft_ms, tokens_per_s, output_tokens,
        (status_code = 'error' OR error_type IS NOT NULL) AS failed
    FROM llm_calls
    WHERE start_time >= $first::TIMESTAMP AND start_time < $last::TIMESTAMP + INTERVAL 1 MINUTE AND ingest_time <= $until
)
SELECT
    minute,
    service_name,
    provider,
    model,
    operation,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS errors,
    quantile_cont(duration_ms, 0.50) FILTER (WHERE NOT failed) AS duration_p50_ms,
    quantile_cont(duration_ms, 0.95) FILTER (WHERE NOT failed) AS duration_p95_ms,
    quantile_cont(duration_ms, 0.99) FILTER (WHERE NOT failed) AS duration_p99_ms,
    count(ttft_ms) FILTER (WHERE NOT failed) AS ttft_calls,
    quantile_cont(ttft_ms, 0.50) FILTER (WHERE NOT failed) AS ttft_p50_ms,
    quantile_cont(ttft_ms, 0.95) FILTER (WHERE NOT failed) AS ttft_p95_ms,
    quantile_cont(ttft_ms, 0.99) FILTER (WHERE NOT failed) AS ttft_p99_ms,
    quantile_cont(tokens_per_s, 0.50) FILTER (WHERE NOT failed) AS tokens_per_s_p50,
    sum(output_tokens)::BIGINT AS output_tokens
FROM calls
WHERE minute IN (SELECT minute FROM touched)
GROUP BY ALL
UNION ALL BY NAME
SELECT *
FROM latency_minute
WHERE minute::DATE IN (SELECT unnest($days::DATE[])) AND minute NOT IN (SELECT minute FROM touched);
