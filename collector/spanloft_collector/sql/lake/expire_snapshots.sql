SELECT count(*) FROM ducklake_expire_snapshots('lake', older_than => now() - INTERVAL '{older}');
