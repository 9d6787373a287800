"""What data is like, and whether fresh data is still like that of the model in use."""
