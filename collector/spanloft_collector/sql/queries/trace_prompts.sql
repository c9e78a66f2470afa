-- Versions of prompts that the calls of a trace used, in the order of their first use.
WITH used AS (
    SELECT version_id, min(start_time) AS first_call_time
    FROM prompt_calls
    WHERE trace_id = $trace_id
      AND start_time >= $at::TIMESTAMP - INTERVAL 1 DAY AND start_time < $at::TIMESTAMP + INTERVAL 1 DAY
    GROUP BY version_id
)
SELECT prompt_id, version_id, prompt, version
FROM used
JOIN prompt_versions USING (version_id)
ORDER BY first_call_time, version_id
LIMIT 3;
