"""Recipes: one file for each system, with everything that makes its student reproducible.

A recipe of one's own is a YAML file that extends another and says only what differs:

    extends: realtime
    summary: The same network, deeper, for strong downscaling.
    degradation: bicubic-x4
    student:
      arguments: {depth: 8}
    loss:
      mse_target: null           # takes an inherited term out
    budgets:
      full: {epochs: 400}

Sections are merged key by key, lists are replaced, and a section that names another student, optimiser,
schedule or teacher is written whole. Summary, published figures and doubts are never inherited.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from .explain import describe_recipe
from .explain import recipe_rows as _rows
from .reading import near, read_recipe
from .schema import (
    TERMS,
    Budget,
    BudgetName,
    Budgets,
    Optimiser,
    Published,
    Recipe,
    Schedule,
    StudentChoice,
    TeacherChoice,
    TeacherTraining,
    Term,
)
from .settings import RecipeError

__all__ = [
    "RECIPES",
    "SIZES",
    "TERMS",
    "Budget",
    "BudgetName",
    "Budgets",
    "Optimiser",
    "Published",
    "Recipe",
    "RecipeError",
    "Schedule",
    "StudentChoice",
    "TeacherChoice",
    "TeacherTraining",
    "Term",
    "describe_recipe",
    "load_recipe",
    "recipe_rows",
    "respent",
    "shipped_otherwise",
    "without_teacher",
]

RECIPES = ("swinir-cnn", "unet-attention", "srresnet-edge", "edsr-residual", "bsrgan-ultralight", "realtime")
# The realtime student smaller, larger, on a downscaling that teachers know, and in a later training of its
# weights; the study compares M alone.
SIZES = ("realtime-s", "realtime-l", "realtime-x4", "realtime-finish")
PRECISION = "precision"
_SPENT = tuple(field.name for field in fields(Budget))
FILES: Mapping[str, Path] = {name: Path(__file__).with_name(f"{name}.yaml") for name in (*RECIPES, *SIZES)}


def load_recipe(name_or_path: str | Path) -> Recipe:
    """The recipe of that name, or in that .yaml file; anything wrong in it is refused with its place."""
    if str(name_or_path) in FILES:
        return _checked(FILES[str(name_or_path)])
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        expected = f"one of {', '.join(FILES)}, or an existing .yaml file"
        raise RecipeError("recipe", expected, str(name_or_path), near(name_or_path, FILES))
    if path.stem in FILES:
        raise RecipeError("name", "a file name that is no shipped recipe's", path.name, file=str(path))
    return _checked(path)


def recipe_rows() -> list[dict[str, Any]]:
    """One row for each shipped recipe, in their order."""
    return _rows(load_recipe(name) for name in RECIPES)


def without_teacher(recipe: Recipe) -> Recipe:
    """The control of a recipe: the same but for the terms that compare with a teacher, which are left out."""
    return replace(recipe, loss=tuple(term for term in recipe.loss if not term.needs_teacher))


def respent(recipe: Recipe, budget: BudgetName, changes: Mapping[str, str]) -> Recipe:
    """The recipe with other values, given as text, in one of its budgets, or with another precision.

    {"epochs": "3", "precision": "mixed"}, for example.
    """
    spent, values, known = recipe.budget(budget), {}, (*_SPENT, PRECISION)
    for key, text in changes.items():
        if key not in known:
            raise RecipeError(f"budgets.{budget}", f"one of {', '.join(known)}", key, near(key, known))
        kind = type(getattr(spent, key, ""))
        try:
            values[key] = tuple(text.split("+")) if kind is tuple else kind(text)
        except ValueError:
            raise RecipeError(f"budgets.{budget}.{key}", "a whole number", text) from None
    precision = values.pop(PRECISION, recipe.precision)
    budgets = replace(recipe.budgets, **{budget: replace(spent, **values)})
    return replace(recipe, budgets=budgets, precision=precision)


def shipped_otherwise(recipe: Recipe, budget: BudgetName) -> dict[str, Any]:
    """What the recipe that ships under this name spends otherwise, and its precision; empty if nothing."""
    if recipe.name not in FILES:
        return {}
    shipped = load_recipe(recipe.name)
    pairs = [(key, shipped.budget(budget), recipe.budget(budget)) for key in _SPENT]
    pairs.append((PRECISION, shipped, recipe))
    return {key: getattr(one, key) for key, one, other in pairs if getattr(one, key) != getattr(other, key)}


def _checked(path: Path) -> Recipe:
    """The recipe in a file, its degradation tried out too."""
    from sharpstudy.data.degrade import DEGRADATIONS, parse_degradation

    recipe = read_recipe(path, FILES)
    try:
        parse_degradation(recipe.degradation)
    except ValueError as error:
        spec, known = recipe.degradation, "a name or mapping that sharpstudy.data.degrade knows"
        hint = near(spec, DEGRADATIONS) if isinstance(spec, str) else f" ({error})"
        raise RecipeError("degradation", known, spec, hint, str(path)) from None
    return recipe
