-- Tools by the time they take
SELECT tool_name, count(*) AS runs, round(median(duration_ms)) AS median_ms, round(quantile_cont(duration_ms, 0.95)) AS p95_ms,
    count(*) FILTER (WHERE status_code = 'error') AS failed
FROM tool_calls
GROUP BY tool_name
ORDER BY p95_ms DESC;
