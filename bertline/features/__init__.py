"""Text in, numbers out, and back."""
