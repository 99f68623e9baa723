"""Models x frames to tidy scores: frames side by side in threads, one at a time in memory for each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from itertools import tee
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from sharpstudy.data.frames import write_bytes
from sharpstudy.data.references import file_safe
from sharpstudy.evaluate.frames import ClipSet, FrameSet
from sharpstudy.evaluate.models import Model
from sharpstudy.evaluate.settings import EvalSettings
from sharpstudy.evaluate.squares import place_square, restore_square
from sharpstudy.metrics import Unavailable, score_clip, score_frame

if TYPE_CHECKING:
    import pandas as pd

SCORE_COLUMNS = (
    "model",
    "role",
    "recipe",
    "origin",
    "degradation",
    "frame",
    "clip",
    "category",
    "metric",
    "value",
    "reason",
)
DECIMALS = 6  # of a value as it is stored

Row = tuple[object, ...]
Score = float | Unavailable

_ONE_CLIP = Lock()  # seconds of frames are in memory for one clip at a time


def score_model(
    model: Model,
    sets: Sequence[FrameSet | ClipSet],
    settings: EvalSettings,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """One row for each frame and metric, in the order of the sets, the same however many cores there are.

    Each frame is restored by one thread. A score that cannot be had is empty, and `reason` says why.
    `progress` is told (done, all) frames and clips.
    """
    import pandas as pd

    tasks = [(one, at) for one in sets for at in range(len(one))]
    parts: dict[int, list[Row]] = {}
    with _one_thread_each(), ThreadPoolExecutor(_workers(model, sets, settings)) as pool:
        futures = {pool.submit(_score, model, *task, settings): place for place, task in enumerate(tasks)}
        try:
            for future in as_completed(futures):
                parts[futures[future]] = future.result()
                if progress:
                    progress(len(parts), len(tasks))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    rows = [row for place in range(len(tasks)) for row in parts[place]]
    table = pd.DataFrame(rows, columns=list(SCORE_COLUMNS))
    return table.astype({"value": float}).round({"value": DECIMALS})


def combine(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The scores of several models as one table; a score that comes twice is refused."""
    import pandas as pd

    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame(columns=list(SCORE_COLUMNS))
    table = pd.concat(parts, ignore_index=True)
    twice = table.duplicated(["model", "degradation", "frame", "metric"])
    if twice.any():
        first = table[twice].iloc[0]
        raise ValueError(
            f"scores: {int(twice.sum())} come twice, the first is {first['metric']} of {first['model']!r} on"
            f" {first['frame']!r} under {first['degradation']!r}; models need different names"
        )
    return table


def scores_path(folder: Path, name: str) -> Path:
    """The file that holds the scores of a model or recipe."""
    return Path(folder) / f"{file_safe(name)}.csv"


def write_scores(path: Path, scores: pd.DataFrame) -> None:
    """Writes scores.csv: the same bytes for the same scores on every system."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_bytes(Path(path), scores.to_csv(index=False, lineterminator="\n").encode())


def read_scores(source: Path | Iterable[Path]) -> pd.DataFrame:
    """The scores in a file, in several, or in all .csv files of a folder in the order of their names."""
    if isinstance(source, (str, Path)):
        path = Path(source)
        source = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    return combine(_read(Path(path)) for path in source)


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    words = {name: str for name in SCORE_COLUMNS if name != "value"}
    table = pd.read_csv(path, dtype=words, keep_default_na=False, na_values={"value": [""]})
    if tuple(table.columns) != SCORE_COLUMNS:
        raise ValueError(
            f"{path.name}: expected the columns {', '.join(SCORE_COLUMNS)}; found {', '.join(table.columns)}"
        )
    return table


def _score(model: Model, part: FrameSet | ClipSet, place: int, settings: EvalSettings) -> list[Row]:
    row = part.rows[place]
    score = _clip_scores if isinstance(part, ClipSet) else _frame_scores
    try:
        scores = score(model, part, place, settings)
    except ValueError as error:
        raise ValueError(f"{model.name}, {row.frame} under {part.degradation}: {error}") from error
    facts = (model.name, model.role, model.recipe, model.origin)
    where = (part.degradation, row.frame, row.clip, row.category)
    return [(*facts, *where, metric, *_cell(value)) for metric, value in scores.items()]


def _frame_scores(model: Model, part: FrameSet, place: int, settings: EvalSettings) -> dict[str, Score]:
    frame = part.load(place)
    region = place_square(frame.reference, settings.side if part.part == "square" else 0)
    square = restore_square(model, frame, settings, region)
    names = part.metrics or settings.metrics
    crop = frame.scale if frame.scale > 1 else 0
    frames = (square.reference, square.restored, square.degraded)
    return score_frame(*frames, names, text=frame.text, crop=crop)


def _clip_scores(model: Model, part: ClipSet, place: int, settings: EvalSettings) -> dict[str, Score]:
    """The flicker of one clip; the busiest square of its first frame is scored in all."""
    with _ONE_CLIP:
        frames = part.load(place).frames
        region = place_square(frames[0].reference, settings.side)
        squares = (restore_square(model, frame, settings, region) for frame in frames)
        first, second, third = tee(squares, 3)  # read in step, so that one frame waits at most
        return score_clip(
            (one.reference for one in first),
            (one.restored for one in second),
            (one.degraded for one in third),
        )


def _cell(score: object) -> tuple[float, str]:
    return (float("nan"), score.reason) if isinstance(score, Unavailable) else (float(score), "")


def _workers(model: Model, sets: Sequence[FrameSet | ClipSet], settings: EvalSettings) -> int:
    """Frames at once: one a core, fewer where a model says that large ones would not fit into memory."""
    workers = settings.workers or _cores()
    if model.at_once is None:
        return workers
    sizes = [row.width * row.height for one in sets for row in one.rows]
    if settings.side and model.margin is not None:
        sizes = [min(size, (settings.side + 2 * model.margin) ** 2) for size in sizes]
    return max(1, min(workers, model.at_once // max(sizes, default=1)))


def _cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """torch restores each frame by one thread, so that a score does not hang on the number of cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
