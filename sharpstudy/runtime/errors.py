"""The one error of the runtime."""

from __future__ import annotations


class SharpenerError(ValueError):
    """A model, backend or frame that cannot be run as asked; one sentence of expected and got."""
