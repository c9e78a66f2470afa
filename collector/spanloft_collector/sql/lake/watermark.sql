-- What a writer published last.
SELECT watermark, sequence FROM lake.state.watermarks WHERE writer = $writer ORDER BY sequence DESC LIMIT 1;
