"""Running exported files and judging them."""
