"""Trials that check the rater instead of the systems: training, golds, anchors, identical pairs, traps."""

from __future__ import annotations

from collections.abc import Sequence

from sharpstudy.mos.design import TRAP, Content, Trial
from sharpstudy.mos.plans import BLUR, CRITERIA, OVERSHARP, Block

REFERENCE, INPUT = "reference", "input"
_DRAWN = ("text", "graphics")
_TRAP_ANSWERS = {"ccr": (-2, 2), "acr": (2, 4)}


def _clearly_worse(block: Block, content: Content, turn: int) -> str:
    """The made picture that nobody can prefer: over-sharpened text may read better, so it is blurred."""
    kinds = CRITERIA[block.criterion].golds
    return BLUR if content.category in _DRAWN else kinds[turn % len(kinds)]


def training(block: Block, contents: Sequence[Content], count: int, seat: int) -> list[Trial]:
    """Practice over the whole range of the scale, from one end to the other in turn."""
    trials = []
    for at in range(count):
        content = contents[(seat + at) % len(contents)]
        worst = _clearly_worse(block, content, 1)
        pairs = ((worst, REFERENCE), (REFERENCE, REFERENCE), (REFERENCE, BLUR), (INPUT, REFERENCE))
        alone = (REFERENCE, BLUR, INPUT, worst, REFERENCE)
        sides = (*pairs, (REFERENCE, INPUT))[at] if block.arm == "ccr" else (alone[at], "")
        trials.append(Trial(block.arm, block.criterion, "training", content, *sides, practice=True))
    return trials


def golds(block: Block, contents: Sequence[Content], count: int, seat: int) -> list[Trial]:
    """Questions with one right answer, the same for every rater, left and right equally often.

    In the comparison arm the reference beats the made picture. Alone, the made one is at the low end of the
    scale and the reference at the high end, in turn.
    """
    trials = []
    for at in range(count):
        content = contents[at % len(contents)]
        kind = _clearly_worse(block, content, at // 2)
        sides = (kind, REFERENCE) if (at + seat) % 2 else (REFERENCE, kind)
        if block.arm == "acr":
            sides = ((kind, REFERENCE)[at % 2], "")
        trials.append(Trial(block.arm, block.criterion, "gold", content, *sides))
    return trials


def anchors(block: Block, contents: Sequence[Content], count: int, seat: int) -> list[Trial]:
    """The input against the reference (alone: the input) on the same contents for every rater."""
    trials = []
    for at in range(count):
        sides = (INPUT, REFERENCE) if (at + seat) % 2 else (REFERENCE, INPUT)
        sides = sides if block.arm == "ccr" else (INPUT, "")
        trials.append(Trial(block.arm, block.criterion, "anchor", contents[-1 - at % len(contents)], *sides))
    return trials


def identical(block: Block, contents: Sequence[Content], count: int) -> list[Trial]:
    """Pairs of one picture with itself, which are the same."""
    return [
        Trial(
            block.arm,
            block.criterion,
            "identical",
            contents[at % len(contents)],
            *((REFERENCE, INPUT)[at % 2],) * 2,
        )
        for at in range(count)
    ]


def traps(block: Block, count: int, seat: int) -> list[Trial]:
    """Pictures that say in words which answer to give; the system's name ends in that answer."""
    answers = _TRAP_ANSWERS[block.arm]
    trials = []
    for at in range(count):
        name = trap_name(block.arm, answers[(seat + at) % len(answers)])
        right = name if block.arm == "ccr" else ""
        trials.append(Trial(block.arm, block.criterion, "trap", Content(TRAP, ""), name, right))
    return trials


def trap_name(arm: str, answer: int) -> str:
    """`trap:+2` for the comparison arm, `trap:4` for single pictures."""
    return f"{TRAP}:{answer:+d}" if arm == "ccr" else f"{TRAP}:{answer}"


def made_pictures() -> tuple[str, ...]:
    """The systems that the study makes itself, of every content that is used to check raters."""
    return (BLUR, OVERSHARP)
