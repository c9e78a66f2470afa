SELECT count(*) FROM ducklake_delete_orphaned_files('lake', older_than => now() - INTERVAL '{older}');
