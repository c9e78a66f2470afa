CALL ducklake_merge_adjacent_files('lake', '{table}', schema => 'stored', max_file_size => {below});
