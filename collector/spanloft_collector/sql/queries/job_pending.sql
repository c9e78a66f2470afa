SELECT count(*) AS spans FROM spans WHERE ingest_time > $since AND ingest_time <= $newest;
