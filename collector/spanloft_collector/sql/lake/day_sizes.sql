SELECT t.table_name, d.partition_value AS day, sum(f.record_count)::BIGINT, sum(f.file_size_bytes)::BIGINT
FROM __ducklake_metadata_lake.ducklake_data_file AS f
JOIN __ducklake_metadata_lake.ducklake_table AS t ON t.table_id = f.table_id AND t.end_snapshot IS NULL
JOIN __ducklake_metadata_lake.ducklake_file_partition_value AS d
    ON d.data_file_id = f.data_file_id AND d.partition_key_index = 1
WHERE f.end_snapshot IS NULL
GROUP BY ALL;
