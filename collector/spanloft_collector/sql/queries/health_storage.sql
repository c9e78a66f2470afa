-- What the store holds: files, rows and bytes by dataset.
SELECT
    dataset, count(*) AS files, sum(rows)::BIGINT AS rows, sum(bytes)::BIGINT AS bytes,
    min(day)::VARCHAR AS first_day, max(day)::VARCHAR AS last_day
FROM store_files
GROUP BY dataset
ORDER BY bytes DESC;
