SELECT count(*) FROM glob($pattern);
