-- latency by minute and model
SELECT date_trunc('minute', start_time) AS minute, model, count(*) AS calls,
       approx_quantile(duration_ms, 0.5) AS p50_ms, approx_quantile(duration_ms, 0.95) AS p95_ms
FROM llm_calls
WHERE start_time >= $since_day
GROUP BY ALL
ORDER BY minute, model;

-- latency by minute and model, all days, from the job's sums
SELECT minute, model, sum(calls) AS calls, max(duration_p95_ms) AS p95_ms
FROM latency_minute
GROUP BY ALL
ORDER BY minute, model;

-- cost by day and model
SELECT start_time::DATE AS day, model, sum(cost_usd) AS cost_usd, count(*) FILTER (WHERE cost_usd IS NULL) AS unpriced
FROM llm_calls
GROUP BY ALL
ORDER BY day, model;

-- cost by day and model, from the job's sums
SELECT day, model, sum(cost_usd) AS cost_usd, sum(unpriced_calls) AS unpriced
FROM cost_daily
GROUP BY ALL
ORDER BY day, model;

-- newest 100 with filters
SELECT start_time, trace_id, name, model, duration_ms, cost_usd, input_preview
FROM llm_calls
WHERE service_name = $service AND error_type IS NULL AND duration_ms > 100
ORDER BY start_time DESC
LIMIT 100;

-- one trace by id
SELECT s.*, p.input_messages, p.output_messages, p.attributes
FROM spans AS s
LEFT JOIN payloads AS p USING (trace_id, span_id, start_time)
WHERE trace_id = $trace_id
ORDER BY start_time;

-- text search
SELECT trace_id, start_time
FROM payloads
WHERE input_messages::VARCHAR ILIKE '%' || $text || '%'
ORDER BY start_time DESC
LIMIT 50;
