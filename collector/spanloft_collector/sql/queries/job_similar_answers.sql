-- How alike the answers of pairs of calls are, $calls[i] and $others[i]: the cosine of their vectors. Pairs one of whose
-- answers was not embedded are left out.
WITH pairs AS (
    SELECT unnest($calls::VARCHAR[]) AS span_id, unnest($others::VARCHAR[]) AS other_id
),
answers AS (
    SELECT span_id, any_value(text_key) AS text_key
    FROM call_texts
    WHERE side = 'output' AND start_time >= $first AND start_time <= $last
      AND (span_id IN (SELECT span_id FROM pairs) OR span_id IN (SELECT other_id FROM pairs))
    GROUP BY span_id
),
vectors AS (
    SELECT text_key, any_value(vector) AS vector
    FROM text_vectors
    WHERE start_time >= $first::TIMESTAMP - INTERVAL 1 DAY AND start_time < $last::TIMESTAMP + INTERVAL 1 DAY
      AND text_key IN (SELECT text_key FROM answers)
      AND embedding_model = $embedding_model AND embedding_version = $embedding_version AND quantization = $quantization
    GROUP BY text_key
)
SELECT pairs.span_id, list_cosine_similarity(here.vector, there.vector)::DOUBLE AS answer_similarity
FROM pairs
JOIN answers AS one ON one.span_id = pairs.span_id
JOIN answers AS other ON other.span_id = pairs.other_id
JOIN vectors AS here ON here.text_key = one.text_key
JOIN vectors AS there ON there.text_key = other.text_key;
