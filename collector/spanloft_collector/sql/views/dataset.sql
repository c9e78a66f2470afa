-- One view per dataset.
CREATE VIEW "{dataset}" AS
SELECT {columns}
{live};
