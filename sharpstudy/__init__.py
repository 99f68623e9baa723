"""A reproducible study of distilled sharpeners for video calls, and the sharpener that comes out of it."""

__version__ = "0.1.0"
