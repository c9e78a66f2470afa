-- How far each writer of the store got.
SELECT writer, watermark::VARCHAR AS watermark, written_at FROM store_writers ORDER BY writer;
