CREATE VIEW store_files AS
SELECT
    t.table_name AS dataset, d.partition_value::DATE AS day, w.partition_value AS writer,
    f.record_count AS rows, f.file_size_bytes AS bytes
FROM __ducklake_metadata_lake.ducklake_data_file AS f
JOIN __ducklake_metadata_lake.ducklake_table AS t ON t.table_id = f.table_id AND t.end_snapshot IS NULL
JOIN __ducklake_metadata_lake.ducklake_file_partition_value AS w
    ON w.data_file_id = f.data_file_id AND w.partition_key_index = 0
JOIN __ducklake_metadata_lake.ducklake_file_partition_value AS d
    ON d.data_file_id = f.data_file_id AND d.partition_key_index = 1
WHERE f.end_snapshot IS NULL;

COMMENT ON VIEW store_files IS 'The files that the store consists of now';
COMMENT ON COLUMN store_files.dataset IS 'Dataset whose rows the file holds';
COMMENT ON COLUMN store_files.day IS 'UTC day of the rows';
COMMENT ON COLUMN store_files.writer IS 'Who wrote it: a collector, or a job';
COMMENT ON COLUMN store_files.rows IS 'Number of rows, those that were deleted since included';
COMMENT ON COLUMN store_files.bytes IS 'Size, compressed';
