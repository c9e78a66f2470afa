-- Each window of $window_s seconds of each service and model from $first on, beside its own $history_days before: calls,
-- errors, p95, cost and cost per call, the medians and spreads of these (1.4826 times the median absolute deviation),
-- the usual error rate, and the calls that show it best. calls_per_window tells whether windows of this width are wide
-- enough for the series; those with fewer than $min_calls calls are neither judged nor references.
WITH calls AS (
    SELECT
        time_bucket(to_seconds($window_s), start_time) AS window_start, service_name, model, start_time, duration_ms,
        cost_usd, trace_id, span_id, coalesce(status_code = 'error', false) AS failed
    FROM llm_calls
    WHERE start_time >= $first::TIMESTAMP - to_days($history_days) AND start_time < $last
      AND ingest_time <= $until AND model IS NOT NULL
),
windows AS (
    SELECT
        window_start, service_name, model, count(*) AS calls, count(*) FILTER (WHERE failed) AS errors,
        quantile_cont(duration_ms, 0.95) FILTER (WHERE NOT failed) AS p95_ms,
        sum(cost_usd) AS cost_usd, avg(cost_usd) AS call_usd,
        arg_max({'trace_id': trace_id, 'span_id': span_id}, duration_ms) FILTER (WHERE NOT failed) AS slowest,
        arg_max({'trace_id': trace_id, 'span_id': span_id}, cost_usd) AS dearest,
        arg_max({'trace_id': trace_id, 'span_id': span_id}, start_time) FILTER (WHERE failed) AS latest_failed,
        sum(sum(cost_usd)) OVER (PARTITION BY window_start) AS all_cost_usd,
        avg(count(*)) OVER (PARTITION BY service_name, model) AS calls_per_window
    FROM calls
    GROUP BY window_start, service_name, model
),
judged AS (
    SELECT
        *,
        count(*) OVER before AS reference_windows,
        median(p95_ms) OVER before AS p95_usual_ms,
        1.4826 * mad(p95_ms) OVER before AS p95_spread_ms,
        median(cost_usd) OVER before AS cost_usual_usd,
        1.4826 * mad(cost_usd) OVER before AS cost_spread_usd,
        median(call_usd) OVER before AS call_usual_usd,
        1.4826 * mad(call_usd) OVER before AS call_spread_usd,
        sum(errors) OVER before / sum(calls) OVER before AS error_rate_usual
    FROM windows
    WHERE calls >= $min_calls
    WINDOW before AS (
        PARTITION BY service_name, model ORDER BY window_start
        RANGE BETWEEN to_days($history_days) PRECEDING AND to_seconds($window_s) PRECEDING
    )
)
SELECT *
FROM judged
WHERE window_start >= $first AND reference_windows >= $min_windows
ORDER BY service_name, model, window_start;
