"""The families of encoders. Outside a family's folder only the table of families names it."""
