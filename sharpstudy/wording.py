"""Lists inside sentences."""

from __future__ import annotations

from collections.abc import Iterable


def join_words(parts: Iterable[str]) -> str:
    """The parts as a sentence lists them: "a", "a and b", "a, b and c"; nothing where there are none."""
    *others, last = [*parts] or [""]
    return f"{', '.join(others)} and {last}" if others else last
