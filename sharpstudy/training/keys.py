"""Names of folders by all that decides the weights in them: what learns, from what, how, by which code."""

from __future__ import annotations

import ast
import hashlib
import json
from functools import cache
from pathlib import Path

from torch import nn

from sharpstudy.data.pairs import PairStore
from sharpstudy.distill import Control, TaughtBy, data_hash
from sharpstudy.distill.card import started_from
from sharpstudy.distill.identity import plain
from sharpstudy.paths import PACKAGE
from sharpstudy.recipes import BudgetName, Recipe
from sharpstudy.teachers.targets import hash_weights

# What of a recipe decides a student's weights, besides its budget and its pairs.
DECIDING = (
    "student",
    "loss",
    "optimiser",
    "schedule",
    "gradient_clip",
    "ema",
    "precision",
    "patience",
    "selection",
)
LOOP = ("distill", "losses", "data/patches.py", "metrics/fidelity.py", "metrics/structure.py")
DESCRIBED = (ast.Module, ast.ClassDef, ast.FunctionDef)
APART = ("card.py", "log.py")  # of distill: what a training leaves for people to read


def run_key(
    recipe: Recipe,
    budget: BudgetName,
    control: Control,
    seed: int,
    train: PairStore,
    validation: PairStore,
    taught_by: TaughtBy | None,
    start: Path | None = None,
) -> str:
    """The key of a student's training; with a teacher, the pairs hold its targets."""
    parts = [
        {name: plain(getattr(recipe, name)) for name in DECIDING},
        _spent(recipe, budget),
        [budget, control, seed, plain(taught_by)],
        [data_hash(train), data_hash(validation)],
        code_hash(*LOOP, "students"),
        *([] if start is None else [started_from(start)]),
    ]
    return _digest(parts)


def teacher_key(
    recipe: Recipe, budget: BudgetName, network: nn.Module, seed: int, train: PairStore, validation: PairStore
) -> str:
    """The key of the training of a teacher's network, which has its first weights."""
    epochs = recipe.budget(budget).teacher_epochs
    parts = [
        [plain(recipe.teacher.training), epochs, _spent(recipe, budget), seed, hash_weights(network)],
        [data_hash(train), data_hash(validation)],
        code_hash(*LOOP, "teachers"),
    ]
    return _digest(parts)


@cache
def code_hash(*places: str) -> str:
    """The hash of modules and folders of the package, without comments and docstrings."""
    digest = hashlib.sha256()
    for place in places:
        path = PACKAGE / place
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        for file in files:
            if file.name not in APART:
                digest.update(f"{file.relative_to(PACKAGE).as_posix()}\n{_meaning(file)}\n".encode())
    return digest.hexdigest()


def _meaning(file: Path) -> str:
    """A module's code as Python writes it, so that rewording a comment repeats no training."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, DESCRIBED) and ast.get_docstring(node) is not None:
            del node.body[0]
    return ast.unparse(tree)


def _spent(recipe: Recipe, budget: BudgetName) -> list[int]:
    spent = recipe.budget(budget)
    return [spent.epochs, spent.pairs_per_epoch, spent.batch, spent.patch]


def _digest(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
