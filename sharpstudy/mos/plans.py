"""What a study of picture quality is made of: criteria, blocks, sessions, and the plans that are ready."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Arm = Literal["ccr", "acr"]
Role = Literal["reference", "input", "unsharp", "teacher", "student"]
PairRule = Literal["students", "input", "all"]

CATEGORIES = ("text", "nature", "people", "animals", "graphics")
SCALES: dict[str, tuple[int, int]] = {"ccr": (-3, 3), "acr": (1, 5)}
LABELS: dict[str, tuple[str, ...]] = {  # ITU-T P.800 annex E and ITU-R BT.500, from the lowest score up
    "ccr": (
        "Left much better",
        "Left better",
        "Left slightly better",
        "The same",
        "Right slightly better",
        "Right better",
        "Right much better",
    ),
    "acr": ("Bad", "Poor", "Fair", "Good", "Excellent"),
}
MOST_VOTES = 150  # a session, which is 20 minutes at 8 seconds a vote
SECONDS_A_VOTE = 8
FEWEST_RATERS, FEWEST_CONTENTS = 24, 40  # below either a study is a pilot
BLUR, OVERSHARP = "gold-blur", "gold-oversharp"  # pictures that are made to be clearly worse


@dataclass(frozen=True)
class Criterion:
    """What is asked in one block; `golds` are the made pictures that nobody can call better under it."""

    name: str
    ccr: str
    acr: str
    hint: str
    categories: tuple[str, ...] = CATEGORIES
    golds: tuple[str, ...] = (BLUR, OVERSHARP)


CRITERIA: dict[str, Criterion] = {
    one.name: one
    for one in (
        Criterion(
            "overall",
            "Which picture looks better overall?",
            "How good is this picture overall?",
            "Judge the picture as a whole, as if somebody had sent it to you.",
        ),
        Criterion(
            "sharpness",
            "Which picture is sharper overall?",
            "How sharp is this picture overall?",
            "Judge how much fine detail can be seen, and nothing else.",
            golds=(BLUR,),
        ),
        Criterion(
            "edge clarity",
            "In which picture are the edges clearer?",
            "How clear are the edges in this picture?",
            "Look at outlines: clear edges are crisp, without halos or steps.",
            golds=(BLUR,),
        ),
        Criterion(
            "naturalness",
            "Which picture looks more natural?",
            "How natural does this picture look?",
            "A natural picture looks like a photograph or a screen, not like something worked over.",
        ),
        Criterion(
            "readability",
            "In which picture is the text easier to read?",
            "How easy is the text in this picture to read?",
            "Try to read the words and judge how easy that is.",
            categories=("text",),
            golds=(BLUR,),
        ),
    )
}


@dataclass(frozen=True)
class Block:
    """One criterion asked in one arm; `votes` is the most that count of one rater, checks not included."""

    arm: Arm
    criterion: str
    votes: int
    pairs: PairRule = "students"  # of the comparison arm: who is compared with whom

    def __post_init__(self) -> None:
        if self.arm not in SCALES:
            raise ValueError(f"block: the arm must be one of {', '.join(SCALES)}, came {self.arm!r}")
        if self.criterion not in CRITERIA:
            known = ", ".join(CRITERIA)
            raise ValueError(f"block: the criterion must be one of {known}, came {self.criterion!r}")
        if not 1 <= self.votes <= MOST_VOTES:
            raise ValueError(f"block {self.criterion}: votes must be 1 to {MOST_VOTES}, came {self.votes}")


@dataclass(frozen=True)
class Plan:
    """A study before its pictures are known: how many raters see how many contents, in which sessions.

    A rater does the sessions one after another on different occasions; the first answers the main question.
    The checks are counted a session, `repeats` as a share of the votes that count.
    """

    name: str
    about: str
    raters: int
    contents: int
    sessions: tuple[tuple[Block, ...], ...]
    training: int = 4
    warm_up: int = 3
    golds: int = 8
    anchors: int = 4
    identical: int = 2
    traps: int = 1
    repeats: float = 0.05
    crop: int = 256

    def __post_init__(self) -> None:
        limits = {
            "raters": (1, 2000),
            "contents": (4, 2000),
            "training": (3, 5),
            "warm_up": (0, 5),
            "golds": (8, 20),
            "anchors": (0, 20),
            "identical": (2, 10),
            "traps": (0, 3),
            "repeats": (0.05, 0.5),
            "crop": (64, 1024),
        }
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"plan {self.name}: {name} must be {low} to {high}, came {getattr(self, name)}"
                )
        if not self.sessions or not all(self.sessions):
            raise ValueError(f"plan {self.name}: every session needs a block")

    @property
    def pilot(self) -> bool:
        """Whether it is too small to find a difference of 0.2 on the scale."""
        return self.raters < FEWEST_RATERS or self.contents < FEWEST_CONTENTS


PLANS: dict[str, Plan] = {
    plan.name: plan
    for plan in (
        Plan(
            "default",
            "finds a difference of 0.2; the first session alone answers which picture is better",
            raters=24,
            contents=40,
            sessions=(
                (Block("ccr", "overall", 120),),
                (Block("acr", "overall", 120),),
                (Block("ccr", "sharpness", 60), Block("ccr", "edge clarity", 60)),
                (Block("ccr", "naturalness", 88), Block("ccr", "readability", 32)),
            ),
        ),
        Plan(
            "published",
            "the protocol of the published study: 25 raters, 50 pairs, four criteria, five categories; "
            "its scores of 1 to 5 in a third session, with a hidden reference beside them",
            raters=25,
            contents=50,
            sessions=(
                (Block("ccr", "sharpness", 50, "input"), Block("ccr", "edge clarity", 50, "input")),
                (Block("ccr", "readability", 50, "input"), Block("ccr", "naturalness", 50, "input")),
                (
                    Block("acr", "sharpness", 35),
                    Block("acr", "edge clarity", 35),
                    Block("acr", "readability", 15),
                    Block("acr", "naturalness", 35),
                ),
            ),
        ),
        Plan(
            "pilot",
            "one sitting of a few colleagues, to see that everything works; it proves nothing small",
            raters=6,
            contents=10,
            sessions=((Block("ccr", "overall", 40), Block("acr", "overall", 50)),),
        ),
    )
}


def find_plan(name: str) -> Plan:
    """The ready plan of that name; a ValueError that lists them for an unknown one."""
    if name not in PLANS:
        raise ValueError(f"plan: expected one of {', '.join(PLANS)}, came {name!r}")
    return PLANS[name]
