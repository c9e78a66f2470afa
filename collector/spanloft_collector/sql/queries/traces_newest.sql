-- Which traces to list, newest first, out of the newest $scan_limit matching spans only: exact as soon as those
-- spans belong to $row_limit traces or are all there are. Spares the grouping of millions of spans.
WITH newest AS (
    SELECT trace_id, start_time
    FROM spans
    WHERE start_time >= $since AND start_time < $until
      AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
      AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
      AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
      AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
      AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
      AND ($search IS NULL OR contains(
          lower(concat_ws(
              ' ', name, input_preview, output_preview, error_type, status_message, user_id, session_id, trace_id, span_id, prompt_name,
              array_to_string(tags, ' ')
          )),
          lower($search)))
    ORDER BY start_time DESC
    LIMIT $scan_limit
)
SELECT
    trace_id, min(start_time) AS first_time, max(start_time) AS last_time, (SELECT count(*) FROM newest) AS scanned
FROM newest
GROUP BY trace_id
ORDER BY last_time DESC
LIMIT $row_limit;
