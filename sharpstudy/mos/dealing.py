"""The whole study dealt out: every trial of every seat in every session."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sharpstudy.mos import checks
from sharpstudy.mos.design import (
    Content,
    System,
    Trial,
    add_repeats,
    arrange,
    check_length,
    contents_a_rater,
    deal_contents,
    eligible,
    interleave,
    random_for,
    share_out,
    units_of,
)
from sharpstudy.mos.plans import CRITERIA, Block, Plan

CHECKED_CONTENTS = 8


@dataclass(frozen=True)
class _Session:
    """What every seat of a session has in common."""

    plan: Plan
    number: int
    blocks: tuple[Block, ...]
    hands: tuple[list[list[Content]], ...]  # by block, by seat
    checked: tuple[list[Content], ...]  # by block: the contents of golds and anchors
    practice: Sequence[Content]
    systems: Sequence[System]
    places: dict[Content, int]


def usable_sessions(plan: Plan, contents: Sequence[Content]) -> list[tuple[Block, ...]]:
    """The plan's sessions without the blocks that no content is eligible for."""
    kept = [tuple(block for block in session if eligible(block, contents)) for session in plan.sessions]
    return [session for session in kept if session]


def deal_study(
    plan: Plan,
    contents: Sequence[Content],
    systems: Sequence[System],
    seed: int,
    practice: Sequence[Content] = (),
) -> list[Trial]:
    """Every trial of the study, ordered by session, seat and position.

    It hangs on the arguments alone. Each picture or pair gets as many votes as any other of its block, give
    or take one, after any number of seats; each pair is shown as often one way round as the other.
    """
    names = [system.name for system in systems]
    if len(set(names)) < len(names) or not {checks.REFERENCE, checks.INPUT} <= set(names):
        raise ValueError(f"systems: expected different names, reference and input among them, came {names}")
    if len(contents) != plan.contents:
        raise ValueError(f"plan {plan.name}: expected {plan.contents} contents, came {len(contents)}")
    trials: list[Trial] = []
    for number, blocks in enumerate(usable_sessions(plan, contents), 1):
        session = _prepare(plan, number, blocks, contents, systems, seed, practice)
        shown: Counter = Counter()
        for seat in range(1, plan.raters + 1):
            trials += _deal_seat(session, seat, random_for(seed, seat, number), shown)
    return trials


def _prepare(
    plan: Plan,
    number: int,
    blocks: tuple[Block, ...],
    contents: Sequence[Content],
    systems: Sequence[System],
    seed: int,
    practice: Sequence[Content],
) -> _Session:
    hands, checked = [], []
    for at, block in enumerate(blocks):
        fitting = eligible(block, contents)
        rng = random_for(seed, "block", number, at)
        each = contents_a_rater(block, len(fitting), len(units_of(block, systems)))
        hands.append(deal_contents(fitting, each, plan.raters, rng))
        checked.append(interleave(fitting, rng)[:CHECKED_CONTENTS])
    places = {content: at for at, content in enumerate(contents)}
    return _Session(plan, number, blocks, tuple(hands), tuple(checked), practice, systems, places)


def _deal_seat(session: _Session, seat: int, rng: np.random.Generator, shown: Counter) -> list[Trial]:
    """One rater's session: practice and warm-up before each arm's first block, then block by block."""
    plan, order, arms = session.plan, [], set()
    shares = _check_shares(session)
    for at, block in enumerate(session.blocks):
        ratings = _ratings(session, at, seat, shown)
        if block.arm not in arms:
            last = order[-1].content if order else None
            start = _introduction(session, at, seat, ratings, rng, last)
            order += [replace(trial, block=at + 1) for trial in start]
            arms.add(block.arm)
        pool = session.checked[at]
        trials = [
            *ratings,
            *checks.golds(block, pool, shares["golds"][at], seat),
            *checks.anchors(block, pool, shares["anchors"][at], seat),
            *checks.identical(block, pool, shares["identical"][at]),
            *checks.traps(block, shares["traps"][at], seat),
        ]
        arranged = arrange(trials, rng, order[-1].content.name if order else "")
        arranged = add_repeats(arranged, math.ceil(len(ratings) * plan.repeats), rng)
        order += [replace(trial, block=at + 1) for trial in arranged]
    check_length(plan, session.number, len(order))
    return [
        replace(trial, session=session.number, seat=seat, position=position)
        for position, trial in enumerate(order, 1)
    ]


def _check_shares(session: _Session) -> dict[str, list[int]]:
    """How many checks of each kind every block holds; identical pairs only where pairs are shown."""
    plan = session.plan
    weights = [
        len(hands[0]) * len(units_of(block, session.systems))
        for block, hands in zip(session.blocks, session.hands, strict=True)
    ]
    pairs = [weight * (block.arm == "ccr") for block, weight in zip(session.blocks, weights, strict=True)]
    return {
        "golds": share_out(plan.golds, weights),
        "anchors": share_out(plan.anchors, weights),
        "identical": share_out(plan.identical if any(pairs) else 0, pairs),
        "traps": share_out(plan.traps, weights),
    }


def _ratings(session: _Session, at: int, seat: int, shown: Counter) -> list[Trial]:
    """The trials that count; a pair turns round every time that it is shown, and neighbours differ."""
    block, trials = session.blocks[at], []
    for content in session.hands[at][seat - 1]:
        for number, (one, other) in enumerate(units_of(block, session.systems)):
            key = (at, content.name, number)
            turned = block.arm == "ccr" and (shown[key] + number + session.places[content]) % 2
            shown[key] += 1
            sides = (other, one) if turned else (one, other)
            trials.append(Trial(block.arm, block.criterion, "rating", content, *sides))
    return trials


def _introduction(
    session: _Session,
    at: int,
    seat: int,
    ratings: list[Trial],
    rng: np.random.Generator,
    last: Content | None,
) -> list[Trial]:
    """Announced practice; at the start of a session also ordinary trials whose votes are thrown away."""
    block = session.blocks[at]
    allowed = CRITERIA[block.criterion].categories
    pool = [one for one in session.practice if one.category in allowed] or session.checked[at]
    first = seat + (pool[seat % len(pool)] == last)
    practice = checks.training(block, pool, session.plan.training, first)
    by_content = {ratings[i].content.name: ratings[i] for i in rng.permutation(len(ratings))}
    by_content.pop(practice[-1].content.name, None)
    warm_up = 0 if last else session.plan.warm_up
    return practice + [replace(trial, role="training") for trial in list(by_content.values())[:warm_up]]
