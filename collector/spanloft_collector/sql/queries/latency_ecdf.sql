-- Distribution of $measure of successful calls for the six most used models: its quantiles in steps of one percent, in
-- seconds. One row per model and step, the share of calls that are at most as slow.
WITH calls AS (
    SELECT provider, model, if($measure = 'ttft', ttft_ms, duration_ms) AS measured
    FROM llm_calls
    WHERE start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
      AND status_code IS DISTINCT FROM 'error' AND model IS NOT NULL
),
shown AS (
    SELECT
        model, any_value(provider) AS provider, count(*) AS calls,
        row_number() OVER (ORDER BY count(*) DESC, model) AS place,
        list(measured ORDER BY measured) AS ordered
    FROM calls
    WHERE measured IS NOT NULL
    GROUP BY model
    ORDER BY place
    LIMIT 6
)
SELECT
    model AS series, provider, place, calls, unnest(range(0, 101)) / 100.0 AS share,
    unnest([ordered[1 + ((calls - 1) * x / 100)::BIGINT] FOR x IN range(0, 101)]) / 1000 AS measured_s
FROM shown
ORDER BY place, share;
