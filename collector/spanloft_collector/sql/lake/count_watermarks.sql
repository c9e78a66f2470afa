SELECT count(*) FROM lake.state.watermarks;
