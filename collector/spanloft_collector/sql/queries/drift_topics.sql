-- Topics of a window: those that grew first, the surest first.
SELECT rank, topic, change, share_before, share_after, examples::VARCHAR AS examples
FROM drift_topics
WHERE window_id = $window_id
ORDER BY rank;
