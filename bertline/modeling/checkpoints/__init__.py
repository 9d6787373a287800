"""Foreign checkpoints in, encoder weights out."""
