DELETE FROM lake.state.meta;
INSERT INTO lake.state.meta VALUES ('schema_version', $version), ('views', $views);
