"""The variants of the ablation: the realtime recipe with one thing changed in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sharpstudy.data.degrade import parse_degradation, settings_key
from sharpstudy.experiments.training import Corners
from sharpstudy.losses import TERMS as LOSS_TERMS
from sharpstudy.recipes import TERMS, Optimiser, Recipe, Term, load_recipe, without_teacher
from sharpstudy.students import CUES

BASE = "base"
RELATIVE = "relative_reference"

ADAM = Optimiser("adam", 0.001, 0.0)  # what small networks are usually trained by

Group = Literal["base", "size", "cues", "activation", "form", "optimiser", "loss", "data", "average"]


@dataclass(frozen=True, eq=False)
class Variant:
    """A name, what it changes in words, and the change: of student, loss, degradation and so on.

    An empty field leaves the recipe's own. average "none" keeps the last weights as they are. corners: where
    patches begin, on the grid of the down-up or anywhere.
    """

    name: str
    group: Group
    says: str
    student: Mapping[str, Any] = field(default_factory=dict)
    loss: Mapping[str, float] = field(default_factory=dict)
    degradation: str | Mapping[str, Any] = ""
    average: Literal["recipe", "none"] = "recipe"
    optimiser: Optimiser | None = None
    corners: Corners = "anywhere"

    def recipe(self, base: Recipe) -> Recipe:
        """The base recipe with the change made."""
        student = replace(base.student, arguments={**base.student.arguments, **self.student})
        loss = tuple(Term(name, weight) for name, weight in self.loss.items())
        return replace(
            base,
            student=student,
            loss=loss or base.loss,
            degradation=self.degradation or base.degradation,
            optimiser=self.optimiser or base.optimiser,
            ema=None if self.average == "none" else base.ema,
        )


def _size(name: str, unshuffle: int, width: int, depth: int) -> Variant:
    """A size, with the cues that fit into its groups of channels: a fifth one would not where r is 2."""
    says = f"unshuffle {unshuffle}, width {width}, depth {depth}"
    size = {"unshuffle": unshuffle, "width": width, "depth": depth, "cues": 4 if unshuffle == 2 else CUES}
    return Variant(name, "size", says, size)


HUBER, MSE, L1 = "pseudo_huber_reference", "mse_reference", "l1_reference"
VARIANTS: tuple[Variant, ...] = (
    Variant(BASE, "base", "the recipe as it stands, without a teacher"),
    _size("4/32/3", 4, 32, 3),
    _size("4/32/6", 4, 32, 6),
    _size("4/48/4", 4, 48, 4),
    _size("3/32/3", 3, 32, 3),
    _size("3/32/4", 3, 32, 4),
    _size("3/32/5", 3, 32, 5),
    _size("3/48/3", 3, 48, 3),
    _size("2/24/4", 2, 24, 4),
    _size("2/32/3", 2, 32, 3),
    _size("2/32/4", 2, 32, 4),
    Variant("no-cues", "cues", "nothing read off the whole frame", {"cues": 0}),
    Variant("cues", "cues", "all cues read off the whole frame", {"cues": CUES}),
    Variant("two-cues", "cues", "the first two cues alone", {"cues": 2}),
    Variant("adam", "optimiser", "Adam, rate 0.001", optimiser=ADAM),
    Variant("relu", "activation", "ReLU", {"activation": "relu"}),
    Variant("leaky", "activation", "leaky ReLU", {"activation": "leaky"}),
    Variant("branched", "form", "branches while it learns", {"form": "branched"}),
    Variant("plain", "form", "no branches while it learns", {"form": "plain"}),
    Variant("huber", "loss", "pseudo-Huber", loss={HUBER: 1.0}),
    Variant("huber+mse", "loss", "pseudo-Huber + 3 squared error", loss={HUBER: 1.0, MSE: 3.0}),
    Variant("mse", "loss", "squared error", loss={MSE: 1.0}),
    Variant("l1", "loss", "absolute error", loss={L1: 1.0}),
    Variant("relative", "loss", "squared error relative to the input's", loss={RELATIVE: 0.1}),
    Variant("more-blur", "data", "blind, blur in a third", degradation={"kind": "blind", "blur": 0.35}),
    Variant("no-noise", "data", "blind, never noise", degradation={"kind": "blind", "noise": 0.0}),
    Variant("more-noise", "data", "blind, noise in a quarter", degradation={"kind": "blind", "noise": 0.25}),
    Variant("x2", "data", "one down-up by 2, patches from anywhere", degradation="bicubic-x2"),
    Variant("x2-grid", "data", "one down-up by 2 on one grid", {}, {}, "bicubic-x2", corners="on the grid"),
    Variant("no-average", "average", "no average of the weights", average="none"),
)


def base_recipe() -> Recipe:
    """The realtime recipe as it is trained without a teacher."""
    return without_teacher(load_recipe("realtime"))


def list_variants(base: Recipe, among: Sequence[Variant] = VARIANTS) -> list[Variant]:
    """The variants that can be trained here and differ from the base.

    Left out are those whose loss has a term that this version does not know, and those that change nothing
    because the recipe is like that already.
    """
    known = set(TERMS) & set(LOSS_TERMS)
    there = [one for one in among if set(one.loss) <= known]
    own = _essence(base)
    return [one for one in there if one.name == BASE or _essence(one.recipe(base)) != own]


def choose_variants(base: Recipe, only: Sequence[str] = ()) -> list[Variant]:
    """The variants of these names in their own order, all where none is named; the base is always there."""
    variants = list_variants(base)
    known = [one.name for one in variants]
    for name in only:
        if name not in known:
            absent = ", because it is the recipe itself or needs a term that is not here"
            why = absent if name in {one.name for one in VARIANTS} else ""
            raise ValueError(f"--only: expected some of {', '.join(known)}, got {name!r}{why}")
    return [one for one in variants if not only or one.name == BASE or one.name in only]


def _essence(recipe: Recipe) -> tuple[object, ...]:
    """All that variants change of a recipe, in a form in which equal things are equal."""
    loss = sorted((term.term, term.weight) for term in recipe.loss)
    arguments = sorted(recipe.student.arguments.items())
    return arguments, loss, settings_key(parse_degradation(recipe.degradation)), recipe.ema, recipe.optimiser
