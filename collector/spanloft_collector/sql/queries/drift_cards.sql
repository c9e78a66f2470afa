-- Each series' latest window of the period, counted; texts embedded, and model calls that still wait for it.
WITH latest AS (
    SELECT status
    FROM drift_windows
    WHERE window_end >= $since AND window_end < $until AND baseline = 'rolling'
      AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
      AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
      AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
    QUALIFY window_end = max(window_end) OVER (PARTITION BY series_id)
),
progress AS (
    SELECT make_timestamp(coalesce(max((watermark ->> '$.until_us')::BIGINT), 0)) AS done
    FROM store_writers
    WHERE writer = 'job-embeddings'
)
SELECT
    (SELECT count(*) FROM latest) AS series,
    (SELECT count(*) FROM latest WHERE status = 'drifted') AS drifted,
    (SELECT count(*) FROM latest WHERE status = 'not enough data') AS too_few,
    (SELECT count(*) FROM call_texts WHERE start_time >= $since AND start_time < $until) AS texts,
    (
        SELECT count(*)
        FROM llm_calls
        WHERE operation != 'embeddings' AND ingest_time > (SELECT done FROM progress)
    ) AS waiting,
    (
        SELECT count(*) / nullif(date_diff('second', min(embedded_at), max(embedded_at)), 0)
        FROM text_vectors
        WHERE embedded_at > (SELECT max(embedded_at) FROM text_vectors) - INTERVAL 10 MINUTE
    ) AS texts_per_s;
