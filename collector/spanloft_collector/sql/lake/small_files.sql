-- Where many small files are worth one.
SELECT t.table_name, w.partition_value AS writer, d.partition_value AS day, count(*) AS files, sum(f.record_count)::BIGINT
FROM __ducklake_metadata_lake.ducklake_data_file AS f
JOIN __ducklake_metadata_lake.ducklake_table AS t ON t.table_id = f.table_id AND t.end_snapshot IS NULL
JOIN __ducklake_metadata_lake.ducklake_file_partition_value AS w
    ON w.data_file_id = f.data_file_id AND w.partition_key_index = 0
JOIN __ducklake_metadata_lake.ducklake_file_partition_value AS d
    ON d.data_file_id = f.data_file_id AND d.partition_key_index = 1
WHERE f.end_snapshot IS NULL AND f.file_size_bytes < $below
GROUP BY ALL
HAVING count(*) >= $files
ORDER BY ALL;
