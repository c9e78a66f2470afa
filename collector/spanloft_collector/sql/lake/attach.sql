ATTACH IF NOT EXISTS 'ducklake:spanloft_lake' AS lake{options};
