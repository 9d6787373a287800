"""One module a pipeline stage."""
