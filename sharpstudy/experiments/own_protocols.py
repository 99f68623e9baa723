"""How each published system was tested, as nearly as the pictures that are here allow.

Its own degradation on frames like its own: photographs whole, a crop of the frame size that it names, or, as
an extra that shows what it does, whole frames shrunk after they were degraded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from sharpstudy.data.references import Reference
from sharpstudy.data.resample import separable, shrinking_weights
from sharpstudy.data.sources import SourceOptions, select_balanced
from sharpstudy.evaluate import EvalFrame, EvalSettings, FrameSet, Region, degradation_name, degraded_set
from sharpstudy.evaluate.frames import cut_frame
from sharpstudy.experiments.material import Remark, present_sources
from sharpstudy.recipes import RECIPES, Recipe, load_recipe

GRID = 8  # crops start at multiples of it, which every factor of a recipe divides
SHRUNK = ", then shrunk"  # what tables add to a degradation after which both sides were shrunk
FEWEST = 2

PHOTOGRAPHS = ("div2k", "kodak24", "bsds500", "set14", "bundled")
EVERYTHING = (
    "bundled+set5+set14+kodak24+hires_cc0+bsds500+game_screens+call_screens+webcam_clips+call_clips",
)


@dataclass(frozen=True)
class OwnProtocol:
    """The pictures of one system's test.

    sources: nearest to the published ones first; the next fills up what the first cannot, and those that are
    joined by + are one pool. held: where the mask is tuned, on validation frames. window: width and height of
    the middle that is cut from larger frames after they were degraded. trick: whether the resize trick is an
    extra row. categories: whether tables tell them one by one. screens: rendered ones of the bundled source.
    words: what was published about the pictures.
    """

    words: str
    sources: tuple[str, ...] = PHOTOGRAPHS
    held: str = "div2k+bsds500+hires_camera+bundled"
    window: tuple[int, int] | None = None
    trick: Literal["shown", "left out"] = "left out"
    categories: Literal["apart", "together"] = "together"
    screens: int = 0


PROTOCOLS: Mapping[str, OwnProtocol] = MappingProxyType(
    {
        "swinir-cnn": OwnProtocol("100 unseen images"),
        "unet-attention": OwnProtocol("frames of 256x256", window=(256, 256), trick="shown"),
        "srresnet-edge": OwnProtocol("DIV2K"),
        "edsr-residual": OwnProtocol("pairs of high and low resolution"),
        "bsrgan-ultralight": OwnProtocol(
            "100 test pictures of 640x480 in five categories",
            sources=EVERYTHING,
            held="bundled+bsds500+hires_camera+webcam_clips",
            window=(640, 480),
            categories="apart",
            screens=SourceOptions().screens,
        ),
    }
)


@dataclass(frozen=True, eq=False)
class OwnSets:
    """What one system is judged on, and validation frames degraded alike, which tune the mask."""

    test: tuple[FrameSet, ...]
    held: tuple[FrameSet, ...]
    sources: str


def published_systems() -> tuple[str, ...]:
    """The recipes that something was published about."""
    return tuple(name for name in RECIPES if load_recipe(name).published)


def own_sets(
    recipe: Recipe,
    protocol: OwnProtocol,
    found: Mapping[str, Sequence[Reference]],
    count: int,
    folder: Path,
    settings: EvalSettings,
) -> OwnSets:
    """At most `count` test frames of the sources that were found, and a third as many to tune the mask on."""
    test = choose_pictures(found, protocol.sources, "test", count, _least(protocol))
    held = choose_pictures(found, (protocol.held,), "validation", max(6, count // 3), _least(protocol))
    name = degradation_name(recipe)
    for part, chosen in (("test", test), ("validation", held)):
        if len({one.clip for one in chosen}) < FEWEST:
            raise ValueError(
                f"{recipe.name}: expected pictures of at least {FEWEST} clips in the {part} part,"
                f" got {len(chosen)} frames"
            )
    sets = [degraded_set(part, recipe.degradation, folder, settings, name) for part in (test, held)]
    forms = [[one] if protocol.window is None else [cropped(one, protocol.window)] for one in sets]
    if protocol.trick == "shown":
        forms = [[*form, shrunk(one, protocol.window)] for form, one in zip(forms, sets, strict=True)]
    sources = "+".join(dict.fromkeys(one.source for one in test))
    return OwnSets(tuple(forms[0]), tuple(forms[1]), sources)


def find_pictures(protocols: Iterable[OwnProtocol], sampling: SourceOptions, remark: Remark) -> dict:
    """The references of every source that one of the protocols names, each source loaded once.

    The bundled screens are there where a protocol asks for any.
    """
    protocols = list(protocols)
    names = [name for one in protocols for group in (*one.sources, one.held) for name in group.split("+")]
    screens = max((one.screens for one in protocols), default=0)
    return present_sources(dict.fromkeys(names), replace(sampling, screens=screens), remark)


def without_screens(found: Mapping[str, Sequence[Reference]]) -> dict[str, list[Reference]]:
    """The sources without what the bundled one renders: its photographs alone."""
    rendered = ("text", "graphics")
    return {
        name: [one for one in part if name != "bundled" or one.category not in rendered]
        for name, part in found.items()
    }


def choose_pictures(
    found: Mapping[str, Sequence[Reference]],
    groups: Sequence[str],
    split: str,
    count: int,
    least: tuple[int, int] = (0, 0),
) -> list[Reference]:
    """At most `count` references of one part, the first group before the second.

    Within a group the study's proportions of categories decide. None is below the least width and height.
    """
    chosen: list[Reference] = []
    for group in groups:
        pool = [one for name in group.split("+") for one in found.get(name, ()) if one.split == split]
        pool = [one for one in pool if one.width >= least[0] and one.height >= least[1]]
        chosen += select_balanced(pool, count - len(chosen))
    return chosen


def cropped(frames: FrameSet, window: tuple[int, int]) -> FrameSet:
    """The middle of each frame, at most of that width and height, cut after its degradation."""

    def load(index: int) -> EvalFrame:
        frame = frames.load(index)
        return cut_frame(frame, middle(*frame.reference.shape[:2], window))

    rows = [
        replace(row, width=min(row.width, window[0]), height=min(row.height, window[1]))
        for row in frames.rows
    ]
    return replace(frames, rows=tuple(rows), load=load, part="whole")


def shrunk(frames: FrameSet, size: tuple[int, int]) -> FrameSet:
    """The frames, both sides shrunk to a width and height after the degradation, which hides most of it."""
    name = frames.degradation + SHRUNK

    def load(index: int) -> EvalFrame:
        frame = frames.load(index)
        rows, columns = (
            shrinking_weights(length, wanted, length / wanted, "bicubic")
            for length, wanted in zip(frame.reference.shape, reversed(size), strict=False)
        )
        sides = (separable(side, rows, columns) for side in (frame.reference, frame.degraded))
        reference, degraded = sides
        return replace(
            frame,
            degradation=name,
            reference=reference,
            degraded=degraded,
            small=None,
            scale=1,
            settings=None,
        )

    rows = tuple(replace(row, width=size[0], height=size[1]) for row in frames.rows)
    return replace(frames, degradation=name, rows=rows, load=load, part="whole")


def middle(height: int, width: int, window: tuple[int, int]) -> Region:
    """The middle of a frame, at most so wide and high, its corner on the grid."""
    wide, high = min(width, window[0]), min(height, window[1])
    top, left = ((full - part) // 2 // GRID * GRID for full, part in ((height, high), (width, wide)))
    return Region(top, left, top + high, left + wide)


def _least(protocol: OwnProtocol) -> tuple[int, int]:
    """A frame that is shrunk to the window must not be smaller than it."""
    return protocol.window if protocol.trick == "shown" and protocol.window else (0, 0)
