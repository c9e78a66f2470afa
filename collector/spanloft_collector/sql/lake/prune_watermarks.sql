DELETE FROM lake.state.watermarks AS old
WHERE sequence < (SELECT max(sequence) FROM lake.state.watermarks AS newest WHERE newest.writer = old.writer);
