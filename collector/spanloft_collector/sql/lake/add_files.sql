CALL ducklake_add_data_files(
    'lake', '{table}', $files, schema => 'stored', allow_missing => true, hive_partitioning => true
);
