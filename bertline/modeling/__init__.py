"""Encoders, heads and what they are made of."""
