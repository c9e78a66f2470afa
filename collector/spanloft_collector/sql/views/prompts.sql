CREATE VIEW prompts AS
WITH used AS (
    SELECT
        version_id, min(start_time) AS first_call_time, max(start_time) AS last_call_time, count(*) AS calls,
        count(*) FILTER (WHERE failed) AS errors, sum(cost_usd) AS cost_usd
    FROM prompt_calls
    GROUP BY version_id
)
SELECT
    prompt_id, version_id, prompt,
    coalesce(version, 'v' || dense_rank() OVER (PARTITION BY prompt_id ORDER BY first_time, version_id)) AS version,
    source, role, service_name, template,
    coalesce(first_call_time, first_time) AS first_time, last_call_time AS last_time,
    coalesce(calls, 0) AS calls, coalesce(errors, 0) AS errors, cost_usd
FROM prompt_versions
LEFT JOIN used USING (version_id);

COMMENT ON VIEW prompts IS 'Versions of prompts: named by the app, or found by comparing the texts of the calls';
COMMENT ON COLUMN prompts.version IS 'Version that the app gave, else v1, v2, ... in order of first use';
COMMENT ON COLUMN prompts.last_time IS 'Start of the last call that used it, UTC';
COMMENT ON COLUMN prompts.calls IS 'Billable calls that used it';
COMMENT ON COLUMN prompts.errors IS 'Of these, calls that failed';
COMMENT ON COLUMN prompts.cost_usd IS 'Cost of the calls that could be priced; NULL when none could';
