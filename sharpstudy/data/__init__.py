"""Frames, sources, degradations and pairs."""
