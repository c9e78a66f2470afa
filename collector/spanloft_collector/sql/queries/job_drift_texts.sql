-- Texts of a series, of all its models, from $first up to, not including, $last: of each day and model whole sessions,
-- chosen by chance where there are more than $rows. ``chance`` is the order in which sessions are chosen.
SELECT
    trace_id, span_id, start_time, session_id, user_id, model, prompt_version, service_version, characters, tokens,
    language, refusal, tool_calls, retrieval_score, text_key, hash(session_id) AS chance
FROM (
    SELECT *
    FROM call_texts
    WHERE start_time >= $first::TIMESTAMP AND start_time < $last::TIMESTAMP
      AND side = $side
      AND service_name IS NOT DISTINCT FROM $service_name
      AND operation IS NOT DISTINCT FROM $operation
      AND prompt_name IS NOT DISTINCT FROM $prompt_name
    QUALIFY start_time = min(start_time) OVER (PARTITION BY trace_id, span_id)
)
QUALIFY row_number() OVER (PARTITION BY start_time::DATE, model ORDER BY hash(session_id), start_time) <= $rows
ORDER BY start_time, span_id;
