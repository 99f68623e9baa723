"""The picture of the README, chosen by rule: what a call delivers, and what the released student makes of it.

`python -m sharpstudy.showcase` draws it anew into results/reference, for a light and for a dark page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from sharpstudy.baselines import tune_unsharp, unsharp
from sharpstudy.data.degrade import degrade, parse_degradation
from sharpstudy.data.files import write_bytes
from sharpstudy.data.references import Reference
from sharpstudy.data.sources import load_source
from sharpstudy.data.survey import busiest_square
from sharpstudy.metrics.fidelity import psnr
from sharpstudy.paths import RESULTS
from sharpstudy.plots import save_figure
from sharpstudy.plots.crops import Crop, crop_rows, ranked_frames
from sharpstudy.report_pictures import smaller
from sharpstudy.runtime import Sharpener

CALL = "call-300k"
SIDE = 104  # pixels of a crop
KINDS = {"photograph": ("people", "nature", "animals"), "screen": ("text", "graphics")}

Models = dict[str, Callable[[np.ndarray], np.ndarray]]


def make_models(validation: Sequence[np.ndarray], sharpen: Callable[[np.ndarray], np.ndarray]) -> Models:
    """What is shown of each frame, by name; the mask is tuned on validation frames under the same call."""
    mask = tune_unsharp([(delivered(one), one) for one in validation])
    return {
        CALL: lambda frame: frame,
        "tuned unsharp": lambda frame: unsharp(frame, mask.radius, mask.amount),
        "realtime": sharpen,
    }


def delivered(reference: np.ndarray) -> np.ndarray:
    """The frame as the call delivers it."""
    return degrade(reference, parse_degradation(CALL), seed=1)


def median_crop(references: Sequence[Reference], models: Models, words: str) -> Crop:
    """The busiest square of the frame whose gain by the student is the median, as each model leaves it."""
    gains = []
    for one in references:
        frame = one.load()
        degraded = delivered(frame)
        gain = psnr(models["realtime"](degraded), frame) - psnr(degraded, frame)
        gains.append({"frame": one.frame, "gain": gain})
    chosen = ranked_frames(pd.DataFrame(gains))["median"]
    frame = next(one for one in references if one.frame == chosen).load()
    degraded = delivered(frame)
    top, left, side = busiest_square(frame, SIDE)
    cut = (slice(top, top + side), slice(left, left + side))
    restored = {name: model(degraded) for name, model in models.items()}
    base = psnr(degraded, frame)
    told = [f"{name}: {psnr(one, frame) - base:+.2f} dB" for name, one in restored.items() if name != CALL]
    said = f"{words}\n{chosen}\n{CALL}: {base:.2f} dB\n" + "\n".join(told)
    return Crop(said, {**{name: one[cut] for name, one in restored.items()}, "reference": frame[cut]})


def draw_showcase(folder: Path) -> list[Path]:
    """The two WebP files that were written into the folder: showcase.light.webp and showcase.dark.webp."""
    references = load_source("bundled")
    parts = {part: [one for one in references if one.split == part] for part in ("validation", "test")}
    sharpener = Sharpener(backend="onnxruntime", bypass="off")
    models = make_models([one.load() for one in parts["validation"]], sharpener)
    crops = []
    for kind, categories in KINDS.items():
        some = [one for one in parts["test"] if one.category in categories]
        crops.append(median_crop(some, models, f"the {kind} of median gain"))
    written = []
    with TemporaryDirectory() as drawn:
        for path in save_figure(lambda: crop_rows(crops), Path(drawn) / "showcase", "pictures"):
            written.append(folder / f"{path.stem}.webp")
            write_bytes(written[-1], smaller(path.read_bytes(), "good"))
    return written


if __name__ == "__main__":
    draw_showcase(RESULTS / "reference")
