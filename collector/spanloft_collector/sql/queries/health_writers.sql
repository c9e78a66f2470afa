-- How far each writer of the store got, as its manifest at $manifests says.
SELECT
    regexp_extract(filename, '([^/]+)\.json$', 1) AS writer,
    (content -> '$.watermark')::VARCHAR AS watermark,
    last_modified AS written_at
FROM read_text($manifests)
WHERE (content -> '$.watermark')::VARCHAR != '{}'
ORDER BY writer;
