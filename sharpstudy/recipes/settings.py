"""Frozen settings that check their own fields, and the one error that a wrong setting ends in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

Limits = Mapping[str, float]


class RecipeError(ValueError):
    """A recipe that cannot be used: file and dotted key, what was expected, what came, and a near name."""

    def __init__(self, key: str, expected: str, got: object, hint: str = "", file: str = "") -> None:
        super().__init__(key, expected, got, hint, file)  # all of them, so that the error survives pickling
        self.key, self.expected, self.got, self.hint, self.file = key, expected, got, hint, file

    def __str__(self) -> str:
        place = ": ".join(part for part in (self.file, self.key) if part)
        return f"{place}: expected {self.expected}, got {self.got!r}{self.hint}"

    def under(self, key: str = "", file: str = "") -> RecipeError:
        """The same error, seen from the section or file that the setting stands in."""
        dotted = ".".join(part for part in (key, self.key) if part)
        return RecipeError(dotted, self.expected, self.got, self.hint, self.file or file)


@dataclass(frozen=True)
class Settings:
    """Settings whose fields are checked against their types and limits when they are made."""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for one in fields(self):
            check_value(one.name, getattr(self, one.name), hints[one.name], one.metadata)


def limited(low: float, high: float, **more: Any) -> Any:
    """A field whose number lies from low to high, both included."""
    return field(metadata={"low": low, "high": high}, **more)


def check_value(key: str, value: object, hint: Any, limits: Limits) -> None:
    """Nothing, or a RecipeError when the value is not of the type or not within the limits."""
    if not _fits(value, hint, limits):
        raise RecipeError(key, wanted(hint, limits), value)


def options(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a type: both sides of `int | None`, else the type alone."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _fits(value: object, hint: Any, limits: Limits) -> bool:
    return any(_fits_one(value, option, limits) for option in options(hint))


def _fits_one(value: object, hint: Any, limits: Limits) -> bool:
    origin = get_origin(hint)
    if origin is Literal:
        return isinstance(value, str) and value in get_args(hint)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(part, get_args(hint)[0], {}) for part in value)
    if origin is not None:  # a mapping
        inner = get_args(hint)[1]
        known = isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
        return known and (inner is Any or all(_fits(part, inner, {}) for part in value.values()))
    if hint in (int, float):
        number = isinstance(value, (int, float) if hint is float else int) and not isinstance(value, bool)
        low, high = limits.get("low", -math.inf), limits.get("high", math.inf)
        return number and math.isfinite(value) and low <= value <= high
    return isinstance(value, hint) and value != ""


def wanted(hint: Any, limits: Limits) -> str:
    """A type and its limits in words."""
    return " or ".join(_wanted_one(option, limits) for option in options(hint))


def _wanted_one(hint: Any, limits: Limits) -> str:
    origin = get_origin(hint)
    if origin is Literal:
        return f"one of {', '.join(get_args(hint))}"
    if origin is tuple:
        return f"a list, each {wanted(get_args(hint)[0], {})}"
    if origin is not None:
        inner = get_args(hint)[1]
        return "a mapping" if inner is Any else f"a mapping of names to {wanted(inner, {})}"
    span = f" from {limits['low']:g} to {limits['high']:g}" if limits else ""
    known = {int: f"a whole number{span}", float: f"a number{span}", str: "text", NoneType: "null"}
    return known[hint] if hint in known else f"settings ({', '.join(one.name for one in fields(hint))})"
