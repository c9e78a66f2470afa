SELECT count(*) FROM __ducklake_metadata_lake.ducklake_files_scheduled_for_deletion;
