-- The model that made the newest vectors: what drift is measured with.
SELECT embedding_model, embedding_version, quantization
FROM text_vectors
WHERE start_time < $until::TIMESTAMP
ORDER BY embedded_at DESC
LIMIT 1;
