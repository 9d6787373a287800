"""Where blessed models go."""
