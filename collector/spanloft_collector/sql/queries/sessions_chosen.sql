-- Which sessions to list: those with a matching span, the first $row_limit by $sort_by, and how many there are in all.
SELECT
    session_id, min(start_time) AS first_time, max(start_time) AS last_time,
    max(epoch_us(start_time) + (coalesce(duration_ms, 0) * 1000)::BIGINT) - epoch_us(min(start_time)) AS length_us,
    sum(cost_usd) FILTER (
        WHERE operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL
    ) AS spent_usd,
    count(*) OVER () AS total
FROM spans
WHERE session_id IS NOT NULL AND start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
  AND ($search IS NULL OR contains(lower(concat_ws(' ', session_id, user_id, input_preview, output_preview)), lower($search)))
GROUP BY session_id
ORDER BY
    CASE $sort_by WHEN 'longest' THEN length_us::DOUBLE WHEN 'dearest' THEN spent_usd END DESC NULLS LAST,
    last_time DESC
LIMIT $row_limit;
