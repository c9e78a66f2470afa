-- Spans that match, over time, by whether they failed.
SELECT
    time_bucket(to_seconds($bucket_s), start_time) AS bucket,
    if(status_code = 'error', 'failed', 'ok') AS series,
    count(*) AS found
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
  AND ($kind != 'calls' OR (operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL))
GROUP BY bucket, series
ORDER BY series DESC, bucket;
