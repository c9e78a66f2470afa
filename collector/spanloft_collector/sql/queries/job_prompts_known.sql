-- Versions found so far, oldest first.
SELECT version_id, prompt_id, prompt, version, source, role, service_name, template
FROM prompt_versions
ORDER BY first_time, version_id;
