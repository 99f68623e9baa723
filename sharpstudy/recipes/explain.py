"""Recipes in plain words: a page about one, and a row for each."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

from .schema import Budget, Published, Recipe, Term

WIDTH = 110  # columns of a page
INDENT = 14

TERM_WORDS = {
    "l1_reference": "mean absolute difference to the reference",
    "charbonnier_reference": "smoothed absolute difference to the reference",
    "pseudo_huber_reference": "difference to the reference, squared where small and absolute where large",
    "mse_reference": "mean squared difference to the reference",
    "relative_reference": "squared difference to the reference, by that of the degraded frame",
    "l1_target": "mean absolute difference to the teacher's target",
    "mse_target": "mean squared difference to the teacher's target",
    "ssim": "1 - SSIM to the reference",
    "sobel_edge": "difference of Sobel edges to the reference",
    "gradient_edge": "difference of gradients to the reference",
    "perceptual": "difference of VGG features to the reference",
    "feature": "difference of features to the teacher's",
    "frequency": "difference of spectra to the reference",
}
TEACHER_WORDS = {
    "official": "with its published weights",
    "fine-tuned": "with its published weights, fine-tuned on the recipe's pairs first",
    "trained": "trained on the recipe's pairs first",
    "released": "with the weights that ship with this study",
}
SELECTION_WORDS = {
    "psnr": "weights with the highest PSNR on fixed validation pairs",
    "ssim": "weights with the highest SSIM on fixed validation pairs",
    "loss": "weights with the lowest loss on fixed validation pairs",
    "last": "last weights",
}


def describe_recipe(recipe: Recipe) -> str:
    """A recipe as plain text of several lines, with what was published and what is in doubt."""
    sections = {
        "Degradation": [_degradation(recipe)],
        "Teacher": [_teacher(recipe)],
        "Student": [f"{recipe.student.name} ({_pairs(recipe.student.arguments.items())})"],
        "Loss": [_term(term) for term in recipe.loss],
        "Training": _training(recipe),
        "Budget quick": [_budget(recipe.budgets.quick)],
        "Budget full": [_budget(recipe.budgets.full)],
        "Published": [_published(figure) for figure in recipe.published] or ["nothing"],
        "In doubt": list(recipe.doubts) or ["nothing noted"],
    }
    lines = [*textwrap.wrap(f"{recipe.name}: {recipe.summary}", WIDTH), ""]
    for title, entries in sections.items():
        lines += _section(title, entries)
    return "\n".join(lines)


def recipe_rows(recipes: Iterable[Recipe]) -> list[dict[str, Any]]:
    """One row a recipe for a table: its name, what it undoes, who teaches whom, by which terms."""
    return [
        {
            "recipe": recipe.name,
            "degradation": recipe.degradation if isinstance(recipe.degradation, str) else "its own",
            "teacher": recipe.teacher.name,
            "student": recipe.student.name,
            "terms": " + ".join(f"{term.weight:g} {term.term}" for term in recipe.loss),
            "summary": recipe.summary,
        }
        for recipe in recipes
    ]


def _section(title: str, entries: list[str]) -> list[str]:
    """A title with its entries beside it, wrapped to WIDTH columns."""
    wrapper = textwrap.TextWrapper(WIDTH, " " * INDENT, " " * (INDENT + 2), break_on_hyphens=False)
    lines = [line for entry in entries for line in wrapper.wrap(entry)]
    return [title.ljust(INDENT) + lines[0].lstrip(), *lines[1:]]


def _degradation(recipe: Recipe) -> str:
    from sharpstudy.data.degrade import describe, parse_degradation

    name = f"{recipe.degradation}: " if isinstance(recipe.degradation, str) else ""
    return name + describe(parse_degradation(recipe.degradation))


def _teacher(recipe: Recipe) -> str:
    if not recipe.needs_teacher:
        return "none: no term of the loss asks for one"
    others = f"; else {', '.join(recipe.teacher.fallback)}" if recipe.teacher.fallback else ""
    return f"{recipe.teacher.name} {TEACHER_WORDS[recipe.teacher.weights]}{others}"


def _term(term: Term) -> str:
    words = f"{term.weight:g} x {TERM_WORDS[term.term]}"
    if term.student_layer:
        words += f" ({term.student_layer} against {term.teacher_layer})"
    if term.when_missing == "drop-at-quick":
        words += ", left out of a quick run where its network is missing"
    return words


def _training(recipe: Recipe) -> list[str]:
    schedule, optimiser = recipe.schedule, recipe.optimiser
    warm_up = f" after {schedule.warm_up_steps} steps of warm-up" if schedule.warm_up_steps else ""
    extras = {
        "gradient norm at most": recipe.gradient_clip,
        "averaged weights, decay": recipe.ema,
        "stops after epochs without a better score:": recipe.patience,
        "weight decay": optimiser.weight_decay or None,
    }
    rate = f"learning rate {optimiser.learning_rate:g}, {schedule.name}{warm_up}"
    return [
        f"{optimiser.name}, {rate}, {recipe.precision}",
        *(f"{words} {value:g}" for words, value in extras.items() if value is not None),
        f"keeps the {SELECTION_WORDS[recipe.selection]}",
    ]


def _budget(budget: Budget) -> str:
    parts = [
        f"{_count(budget.epochs, 'epoch')} of {budget.pairs_per_epoch:,} pairs",
        f"batches of {budget.batch}",
        f"squares of {budget.patch} pixels",
        f"frames from {budget.source}",
    ]
    if budget.draws > 1:
        parts.append(f"{budget.draws} degraded frames of each")
    if budget.teachers:
        parts.append(f"teacher {', else '.join(budget.teachers)}")
    if budget.teacher_epochs:
        parts.append(f"the teacher learns {_count(budget.teacher_epochs, 'epoch')} first")
    return "; ".join(parts)


def _published(figure: Published) -> str:
    place = f" ({figure.where})" if figure.where else ""
    doubt = f" In doubt: {figure.doubt}" if figure.doubt else ""
    return f'{figure.of}, {figure.metric}{place} {figure.value:,.10g}: "{figure.words}".{doubt}'


def _pairs(items: Iterable[tuple[str, object]]) -> str:
    return ", ".join(f"{name} {value}" for name, value in items)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
