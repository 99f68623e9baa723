"""What a fresh installation has: photographs that come inside scikit-image and matplotlib, and rendered
screens.

scikit-image's medical pictures, its grey pictures and its star field are left out: no call shows them.
Everything here is at its full size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from sharpstudy.data.frames import FrameError, read_frame
from sharpstudy.data.references import Reference, make_reference
from sharpstudy.data.split import split_of


@dataclass(frozen=True)
class Photograph:
    """A picture inside an installed package; two pictures with one `scene` never part."""

    package: str
    path: str
    scene: str
    category: str
    licence: str


PHOTOGRAPHS = (
    Photograph("skimage", "data/astronaut.png", "astronaut", "people", "public domain"),
    Photograph("skimage", "data/chelsea.png", "chelsea", "animals", "CC0-1.0"),
    Photograph("skimage", "data/coffee.png", "coffee", "nature", "CC0-1.0"),
    Photograph("skimage", "data/rocket.jpg", "rocket", "nature", "public domain"),
    Photograph(
        "skimage", "data/motorcycle_left.png", "motorcycle", "nature", "none stated; stereo benchmark"
    ),
    Photograph(
        "skimage", "data/motorcycle_right.png", "motorcycle", "nature", "none stated; stereo benchmark"
    ),
    Photograph(
        "matplotlib", "mpl-data/sample_data/grace_hopper.jpg", "grace-hopper", "people", "public domain"
    ),
)


def load_photographs() -> list[Reference]:
    """The seven photographs of six scenes that the installed packages bring."""
    return [_reference(photograph) for photograph in PHOTOGRAPHS]


def _reference(photograph: Photograph) -> Reference:
    path = locate(photograph)
    clip = f"photo-{photograph.scene}"
    return make_reference(
        read_frame(path),
        name=f"photo-{path.stem.replace('_', '-')}",
        clip=clip,
        category=photograph.category,
        split=split_of(clip),
        source="bundled",
        licence=photograph.licence,
        loader=partial(read_frame, path),
    )


def locate(photograph: Photograph) -> Path:
    """The file of a photograph inside its package, found without importing the package."""
    spec = find_spec(photograph.package)
    path = Path(spec.origin).parent / photograph.path if spec and spec.origin else None
    if path is None or not path.is_file():
        raise FrameError(photograph.path, f"the installed package {photograph.package} does not have it")
    return path


def load_screens(count: int, width: int = 1280, height: int = 720) -> list[Reference]:
    """The first `count` rendered screens, kinds in turn; more of them never change those that were there."""
    from sharpstudy.data.rendered import rendered_screen
    from sharpstudy.data.screens import SCREEN_KINDS, kind_category

    references = []
    for number in range(count):
        kind, seed = SCREEN_KINDS[number % len(SCREEN_KINDS)], number // len(SCREEN_KINDS)
        clip = f"screen-{kind}-{seed:03d}"
        render = partial(rendered_screen, kind, seed, width=width, height=height)
        reference = make_reference(
            render(),
            name=f"{clip}-{width}x{height}",
            clip=clip,
            category=kind_category(kind),
            split=split_of(clip),
            source="bundled",
            licence="Apache-2.0",
            loader=render,
        )
        references.append(reference)
    return references
