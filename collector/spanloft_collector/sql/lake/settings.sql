SET enable_progress_bar = false;
SET TimeZone = 'UTC';
SET ducklake_max_retry_count = {retries};
SET ducklake_retry_wait_ms = 20;
SET ducklake_retry_backoff = 1.2;
