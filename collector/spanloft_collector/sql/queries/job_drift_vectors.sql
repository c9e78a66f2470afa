-- Texts and vectors, by one model, of the texts $keys, which calls from $first to $last have.
SELECT text_key, any_value(text) AS text, any_value(vector) AS vector
FROM text_vectors
WHERE start_time >= $first::TIMESTAMP - INTERVAL 1 DAY AND start_time < $last::TIMESTAMP + INTERVAL 1 DAY
  AND text_key IN (SELECT unnest($keys::VARCHAR[]))
  AND embedding_model = $embedding_model AND embedding_version = $embedding_version
  AND quantization = $quantization
GROUP BY text_key;
