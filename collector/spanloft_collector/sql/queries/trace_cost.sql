-- Cost of one call by component, and where its price came from.
SELECT *
FROM costs
WHERE start_time = $at AND trace_id = $trace_id AND span_id = $span_id
LIMIT 1;
