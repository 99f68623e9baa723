"""Who sees what in which order: balanced, seeded, and the same on every machine."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np

from sharpstudy.mos.plans import CRITERIA, MOST_VOTES, Block, PairRule, Plan, Role

TrialRole = Literal["rating", "gold", "trap", "repeat", "training", "anchor", "identical"]
TRAP = "trap"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,40}")
_ORDER: tuple[Role, ...] = ("reference", "input", "unsharp", "teacher", "student")
_GAP = 12  # trials at least between a trial and its repeat, where the block is long enough


@dataclass(frozen=True)
class System:
    """One maker of pictures: the untouched reference, the degraded input, a baseline or a network."""

    name: str
    role: Role

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name.startswith(("gold-", TRAP)):
            raise ValueError(
                f"system {self.name!r}: a name must be 3 to 41 letters, digits, dots, dashes or underscores, "
                "and not begin with gold- or trap"
            )
        if self.role not in _ORDER:
            raise ValueError(
                f"system {self.name}: the role must be one of {', '.join(_ORDER)}, came {self.role!r}"
            )


@dataclass(frozen=True)
class Content:
    """One scene that every system has a picture of."""

    name: str
    category: str


@dataclass(frozen=True)
class Trial:
    """One question to one rater: `left` and `right` are systems; an ACR trial has no right one.

    `seat` is the rater's number in the design, `block` counts within the session from 1, `practice` says that
    the page announces it as an exercise.
    """

    arm: str
    criterion: str
    role: TrialRole
    content: Content
    left: str
    right: str = ""
    session: int = 0
    seat: int = 0
    block: int = 0
    position: int = 0
    practice: bool = False

    @property
    def name(self) -> str:
        """The trial's id, which tells where it stands and nothing of what it shows."""
        return f"s{self.session}-r{self.seat}-t{self.position}"


def random_for(seed: int, *words: object) -> np.random.Generator:
    """A generator that hangs on sha256(study seed | rater | ...) alone."""
    text = "|".join(str(word) for word in (seed, *words))
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big"))


def pairs_of(systems: Sequence[System], rule: PairRule) -> list[tuple[str, str]]:
    """The pairs that are compared: each student against every other system, against the input, or all."""
    ordered = sorted(systems, key=lambda system: (_ORDER.index(system.role), system.name))
    found = []
    for one, other in combinations(ordered, 2):
        roles = {one.role, other.role}
        if rule == "all" or ("student" in roles and (rule == "students" or "input" in roles)):
            found.append((one.name, other.name))
    return found


def units_of(block: Block, systems: Sequence[System]) -> list[tuple[str, str]]:
    """What a block shows of each content: pairs of systems, or in the ACR arm each system alone."""
    return pairs_of(systems, block.pairs) if block.arm == "ccr" else [(one.name, "") for one in systems]


def eligible(block: Block, contents: Iterable[Content]) -> list[Content]:
    """The contents that a block may ask about; readability is asked where there is text."""
    return [one for one in contents if one.category in CRITERIA[block.criterion].categories]


def contents_a_rater(block: Block, contents: int, units: int) -> int:
    """How many contents one rater sees in a block: whole contents, as many as its votes allow."""
    if units > block.votes:
        what = "pairs" if block.arm == "ccr" else "pictures"
        raise ValueError(
            f"{block.criterion}: {units} {what} a content do not fit {block.votes} votes; leave systems out"
        )
    return min(contents, block.votes // units)


def interleave(contents: Sequence[Content], rng: np.random.Generator) -> list[Content]:
    """The contents in random order, in which every stretch holds the categories in their proportions."""
    order: list[tuple[float, Content]] = []
    for category in sorted({one.category for one in contents}):
        group = [one for one in contents if one.category == category]
        start = rng.random()
        order += [((start + at) / len(group), group[i]) for at, i in enumerate(rng.permutation(len(group)))]
    return [one for _, one in sorted(order, key=lambda item: item[0])]


def deal_contents(
    contents: Sequence[Content], each: int, seats: int, rng: np.random.Generator
) -> list[list[Content]]:
    """`each` different contents for every seat; after any number of seats the counts differ by 1 at most.

    Seats draw from a stream of whole rounds in new random orders, so that they overlap in changing ways: an
    incomplete block design that stays balanced when raters stay away at the end.
    """
    if each > len(contents):
        raise ValueError(f"deal: {each} contents a rater were asked for, there are {len(contents)}")
    hands, queue = [], []
    for _ in range(seats):
        hand, queue = queue[:each], queue[each:]
        if len(hand) < each:
            fresh = interleave(contents, rng)
            first = [one for one in fresh if one not in hand][: each - len(hand)]
            queue = [one for one in fresh if one not in first]
            hand = hand + first
        hands.append(hand)
    return hands


def arrange(trials: Sequence[Trial], rng: np.random.Generator, before: str = "") -> list[Trial]:
    """The trials in random order with no content twice running, wherever the contents allow it."""
    left = [trials[i] for i in rng.permutation(len(trials))]
    counts = Counter(trial.content.name for trial in left)
    order: list[Trial] = []
    last = before
    while left:
        crowded, most = counts.most_common(1)[0]
        if most > len(left) // 2 and crowded != last:
            at = next(i for i, trial in enumerate(left) if trial.content.name == crowded)
        else:
            at = next((i for i, trial in enumerate(left) if trial.content.name != last), 0)
        order.append(left.pop(at))
        last = order[-1].content.name
        counts[last] -= 1
    return order


def add_repeats(order: list[Trial], count: int, rng: np.random.Generator) -> list[Trial]:
    """The order with `count` of its early rating trials shown once more, well after the first time.

    Fewer, where the block is too short for that.
    """
    early = [trial for trial in order[: math.ceil(len(order) * 0.6)] if trial.role == "rating"]
    order = list(order)
    for at in rng.permutation(len(early)):
        places = _places_after(order, early[at])
        if count and places:
            order.insert(places[rng.integers(len(places))], replace(early[at], role="repeat"))
            count -= 1
    return order


def _places_after(order: list[Trial], trial: Trial) -> list[int]:
    """Where a trial could be shown again, without its content twice running: far away, else nearer."""
    first = order.index(trial)
    for gap in range(_GAP, 0, -1):
        places = [
            place
            for place in range(first + 1 + gap, len(order) + 1)
            if all(near.content.name != trial.content.name for near in order[place - 1 : place + 1])
        ]
        if places:
            return places
    return []


def share_out(total: int, weights: Sequence[int]) -> list[int]:
    """`total` split over blocks in proportion to their weights, in whole numbers that add up."""
    bounds = np.rint(np.cumsum([0, *weights]) / max(1, sum(weights)) * total).astype(int)
    return np.diff(bounds).tolist()


def check_length(plan: Plan, session: int, votes: int) -> None:
    """Nothing, for a session that stays within 20 minutes."""
    if votes > MOST_VOTES:
        raise ValueError(
            f"plan {plan.name}: session {session} would ask {votes} questions, expected at most {MOST_VOTES}"
        )
