-- Beginning and vector of each text of $keys by one embedding model, of the days from $first to $last.
SELECT text_key, any_value(text) AS text, any_value(vector) AS vector
FROM text_vectors
WHERE start_time >= $first::TIMESTAMP - INTERVAL 1 DAY AND start_time < $last::TIMESTAMP + INTERVAL 1 DAY
  AND list_contains($keys::VARCHAR[], text_key)
  AND embedding_model = $embedding_model AND embedding_version = $embedding_version AND quantization = $quantization
GROUP BY text_key;
