"""What is done by hand or by the clock to data that is already stored: re-price, re-map, export."""
