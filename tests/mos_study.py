"""A small study of made-up pictures that the tests of mos rate."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from sharpstudy.data.frames import write_frame
from sharpstudy.mos.bundle import Bundle, build_bundle
from sharpstudy.mos.design import Content, System
from sharpstudy.mos.pictures import find_scenes
from sharpstudy.mos.plans import CATEGORIES, Block, Plan
from sharpstudy.mos.server import RatingServer, open_server

SYSTEMS = (
    System("reference", "reference"),
    System("input", "input"),
    System("unsharp", "unsharp"),
    System("teacher", "teacher"),
    System("tiny-net", "student"),
)
SECRET = bytes(range(32))
SMALL = Plan(
    "small",
    "as few questions as there can be",
    raters=3,
    contents=5,
    sessions=((Block("ccr", "overall", 12), Block("acr", "overall", 10)),),
    training=3,
    warm_up=1,
    anchors=2,
    crop=64,
)


def contents(count: int) -> list[Content]:
    """Contents without pictures, the categories in turn."""
    return [Content(f"scene-{at:02d}", CATEGORIES[at % 5]) for at in range(count)]


def write_pictures(folder: Path, count: int = 6, width: int = 96, height: int = 80) -> dict[str, Path]:
    """Folders of noise pictures by system, the references in folders of their category."""
    rng = np.random.default_rng(7)
    folders = {system.name: folder / system.name for system in SYSTEMS}
    for content in contents(count):
        reference = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        write_frame(folders["reference"] / content.category / f"{content.name}.png", reference)
        for at, system in enumerate(SYSTEMS[1:]):
            soft = gaussian_filter(reference, sigma=(1 + at / 4, 1 + at / 4, 0))
            write_frame(folders[system.name] / f"{content.name}.png", soft)
    return folders


def build_small(folder: Path, plan: Plan = SMALL) -> Bundle:
    """The small study, built into folder/study with the key beside it."""
    size = (plan.crop * 3 // 2, plan.crop * 5 // 4)
    scenes = find_scenes(write_pictures(folder / "pictures", plan.contents + 1, *size))
    return build_bundle(
        scenes, list(SYSTEMS), plan, folder / "study", folder / "key.json", secret=SECRET, title="Small study"
    )


def vote(trial: str, score: int, revision: int = 1) -> dict:
    """A vote as the page sends it."""
    return {
        "trial": trial,
        "score": score,
        "revision": revision,
        "shown_at": "2025-03-01T10:00:00.000Z",
        "milliseconds": 2500,
        "first_ms": 900,
        "toggles": 0,
        "focus_losses": 0,
        "flags": [],
        "k": 1,
        "density": 1,
        "beside": True,
    }


def exported(votes: list[dict], **changes) -> dict:
    """Answers as a rater hands them over."""
    answers = {
        "format": "sharpstudy-mos-answers/1",
        "rater": "0123456789abcdef" * 2,
        "seat": "1",
        "session": 1,
    }
    return {**answers, "device": {"automated": False}, "votes": votes, **changes}


@contextmanager
def serving(bundle: Bundle, database: Path) -> Iterator[RatingServer]:
    """A rating server on a free port of this machine, closed with its database at the end."""
    server = open_server(bundle.folder, database)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
    server.store.close()
