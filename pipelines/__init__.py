"""The composed line, its recipes, and the commands that run and compile it."""
