INSERT INTO lake.state.watermarks VALUES ($writer, $sequence, $watermark, make_timestamp($stamp_us));
