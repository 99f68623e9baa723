"""The pictures of a study: found in folders, checked against each other, and cut to one size."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter, uniform_filter

from sharpstudy.data.frames import check_frame, find_frames, read_frame
from sharpstudy.mos.design import Content
from sharpstudy.mos.plans import BLUR, CATEGORIES, OVERSHARP

REFERENCE = "reference"
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Scene:
    """One content with the file of every system."""

    content: Content
    files: dict[str, Path]


class PicturesError(ValueError):
    """Everything that is wrong with the pictures, a line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(f"{len(problems)} problems with the pictures:\n" + "\n".join(problems))
        self.problems = list(problems)


def find_scenes(folders: Mapping[str, Path], categories: Path | None = None) -> list[Scene]:
    """The scenes that every folder has a picture of, by the stem of the reference's file.

    `folders` maps systems to folders, `reference` among them. In the others a scene is the file of the same
    stem, or the only one whose stem goes on after it with a dot (photo.png, photo.call-300k.png). The
    category is that of the CSV (columns frame and category) or else the name of a folder on the way to the
    reference. A PicturesError lists all that is missing.
    """
    listed = _listed_categories(categories) if categories else {}
    problems, scenes = [], []
    found = {system: _by_stem(folder, problems) for system, folder in folders.items()}
    for stem, path in found[REFERENCE].items():
        files = {REFERENCE: path}
        for system in folders:
            match = _match(stem, found[system])
            if system != REFERENCE and match is None:
                problems.append(f"{stem}: {folders[system]} has no picture of it")
            elif system != REFERENCE:
                files[system] = match
        category = listed.get(stem) or _folder_category(path.relative_to(folders[REFERENCE]))
        if category not in CATEGORIES:
            expected = ", ".join(CATEGORIES)
            problems.append(f"{stem}: expected one of {expected} by sub-folder or CSV, came {category!r}")
        scenes.append(Scene(Content(stem, category), files))
    if not scenes:
        problems.append(f"{folders[REFERENCE]}: there is no picture in it")
    if problems:
        raise PicturesError(problems)
    return scenes


def _by_stem(folder: Path, problems: list[str]) -> dict[str, Path]:
    stems: dict[str, Path] = {}
    for path in find_frames(folder):
        if path.stem in stems:
            problems.append(f"{path}: {stems[path.stem]} has the same name; one of them must go")
        stems[path.stem] = path
    return stems


def _match(stem: str, pictures: Mapping[str, Path]) -> Path | None:
    if stem in pictures:
        return pictures[stem]
    longer = [path for name, path in pictures.items() if name.startswith(f"{stem}.")]
    return longer[0] if len(longer) == 1 else None


def _listed_categories(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"frame", "category"} <= set(rows[0]):
        raise ValueError(f"{path}: expected the columns frame and category")
    return {Path(row["frame"]).stem: row["category"].strip() for row in rows}


def _folder_category(path: Path) -> str:
    return next((part for part in path.parts[:-1] if part in CATEGORIES), "")


def choose_scenes(scenes: Sequence[Scene], count: int, practice: int, seed: int) -> list[Scene]:
    """`count` scenes for the study and then up to `practice` more, categories in turn, by hash."""
    if len(scenes) < count:
        raise ValueError(
            f"the plan asks for {count} contents and there are {len(scenes)}; ask for fewer contents"
        )
    queues = []
    for category in CATEGORIES:
        group = [scene for scene in scenes if scene.content.category == category]
        queues.append(sorted(group, key=lambda scene: _hash(seed, scene.content.name)))
    turns = [queue[at] for at in range(len(scenes)) for queue in queues if at < len(queue)]
    return turns[: count + practice]


def _hash(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}|{name}".encode()).digest()


def cut_scene(scene: Scene, size: int) -> dict[str, np.ndarray]:
    """Every system's picture of the scene, cut to the busiest square of the reference: uint8 size x size x 3.

    Nothing is scaled. A PicturesError for pictures of different sizes, or smaller than the square.
    """
    frames = {system: read_frame(path) for system, path in scene.files.items()}
    reference = frames[REFERENCE]
    problems = [
        f"{scene.files[system]}: expected {_shape(reference)} pixels like its reference, came {_shape(frame)}"
        for system, frame in frames.items()
        if frame.shape != reference.shape
    ]
    if min(reference.shape[:2]) < size:
        problems.append(
            f"{scene.files[REFERENCE]}: expected {size}x{size} pixels at least, came {_shape(reference)}"
        )
    if problems:
        raise PicturesError(problems)
    top, left = busiest_square(reference, size)
    return {system: frame[top : top + size, left : left + size].copy() for system, frame in frames.items()}


def _shape(frame: np.ndarray) -> str:
    return f"{frame.shape[1]}x{frame.shape[0]}"


def busiest_square(frame: np.ndarray, size: int) -> tuple[int, int]:
    """The top left corner (row, column) of the square whose mean luma gradient is the largest."""
    check_frame(frame)
    luma = frame.astype(np.float32) @ _LUMA
    down, across = np.gradient(luma)
    density = uniform_filter(np.hypot(down, across).astype(np.float64), size, mode="constant")
    half = size // 2
    inside = density[half : half + frame.shape[0] - size + 1, half : half + frame.shape[1] - size + 1]
    row, column = np.unravel_index(np.argmax(np.round(inside, 6)), inside.shape)
    return int(row), int(column)


def made_picture(kind: str, reference: np.ndarray) -> np.ndarray:
    """A picture that is clearly worse than its reference: strongly blurred, or strongly over-sharpened."""
    values = reference.astype(np.float32)
    soft = gaussian_filter(values, sigma=(4, 4, 0), mode="mirror")
    if kind == BLUR:
        return np.rint(soft).astype(np.uint8)
    if kind == OVERSHARP:
        detail = values - gaussian_filter(values, sigma=(1.5, 1.5, 0), mode="mirror")
        return np.rint(np.clip(values + 6 * detail, 0, 255)).astype(np.uint8)
    raise ValueError(f"made picture: expected {BLUR} or {OVERSHARP}, came {kind!r}")


def trap_picture(text: str, size: int) -> np.ndarray:
    """A grey picture that asks in words for one answer."""
    picture = Image.new("RGB", (size, size), (128, 128, 128))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size / 13)
    draw.multiline_text(
        (size / 2, size / 2), text, "white", font, anchor="mm", align="center", spacing=size / 24
    )
    return np.asarray(picture).copy()
