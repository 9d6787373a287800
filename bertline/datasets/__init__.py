"""Readers: dataset files in, examples out."""
