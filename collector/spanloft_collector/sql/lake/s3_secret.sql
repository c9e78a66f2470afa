CREATE OR REPLACE SECRET spanloft_s3 (TYPE s3, {options});
