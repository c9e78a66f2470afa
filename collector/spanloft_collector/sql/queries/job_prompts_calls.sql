-- Chat calls ingested in the window that have no version yet, each with the text that would be its prompt: the template
-- the app reported, the system instructions, a leading system message, else the first user message. The text itself,
-- cut at $text_chars, stands in one row of each text_key only.
WITH calls AS (
    SELECT
        s.trace_id, s.span_id, s.start_time, s.service_name, s.provider, s.model, s.operation, s.duration_ms,
        s.input_tokens, s.output_tokens, s.cost_usd, s.prompt_name, s.prompt_version,
        coalesce(s.status_code = 'error', false) AS failed,
        nullif(p.prompt_template, '') AS reported,
        nullif(array_to_string(json_extract_string(p.system_instructions, '$[*].content'), chr(10)), '') AS instructions,
        p.input_messages ->> '$[0].role' AS first_role,
        nullif(array_to_string(json_extract_string(p.input_messages, '$[0].parts[*].content'), chr(10)), '') AS first_text,
        p.input_messages ->> '$[1].role' AS second_role,
        nullif(array_to_string(json_extract_string(p.input_messages, '$[1].parts[*].content'), chr(10)), '') AS second_text
    FROM llm_calls AS s
    LEFT JOIN (FROM payloads WHERE start_time >= $first AND start_time <= $last) AS p USING (trace_id, span_id, start_time)
    WHERE s.ingest_time > $since AND s.ingest_time <= $until AND s.start_time >= $first AND s.start_time <= $last
      AND s.operation != 'embeddings'
      AND NOT EXISTS (
          FROM prompt_calls AS known
          WHERE known.start_time >= $first AND known.start_time <= $last
            AND known.trace_id = s.trace_id AND known.span_id = s.span_id
      )
),
texts AS (
    SELECT
        * EXCLUDE (reported, instructions, first_role, first_text, second_role, second_text),
        CASE
            WHEN reported IS NOT NULL THEN 'template'
            WHEN instructions IS NOT NULL OR (first_role IN ('system', 'developer') AND first_text IS NOT NULL) THEN 'system'
            ELSE 'user'
        END AS role,
        left(coalesce(
            reported, instructions, if(first_role IN ('system', 'developer', 'user'), first_text, NULL),
            if(second_role = 'user', second_text, NULL)
        ), $text_chars) AS text
    FROM calls
),
keyed AS (
    SELECT
        *, md5(concat_ws(
            chr(31), coalesce(prompt_name, ''), coalesce(prompt_version, ''),
            if(prompt_name IS NULL, coalesce(service_name, ''), ''), role, coalesce(text, '')
        )) AS text_key
    FROM texts
    WHERE text IS NOT NULL OR prompt_name IS NOT NULL
)
SELECT
    * EXCLUDE (text),
    if(row_number() OVER (PARTITION BY text_key ORDER BY start_time) = 1, text, NULL) AS text,
    row_number() OVER (PARTITION BY text_key ORDER BY start_time) = 1 AS leads
FROM keyed;
