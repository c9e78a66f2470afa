-- Files of a directory hold columns that the lake's views work out: they are ignored.
CALL ducklake_add_data_files(
    'lake', '{table}', $files,
    schema => 'stored', allow_missing => true, ignore_extra_columns => true, hive_partitioning => true
);
