CREATE OR REPLACE SECRET spanloft_catalog (TYPE postgres, PASSWORD {password});
