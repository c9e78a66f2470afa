COMMENT ON VIEW lake.main."{view}" IS {text};
