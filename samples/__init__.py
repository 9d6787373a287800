"""Sample data in the format of SNIPS, written for this project, and the grammar that makes it."""
