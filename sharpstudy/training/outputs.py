"""What a recipe's training leaves: weights with cards that are the same from run to run, and records that are
not."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from sharpstudy.data.frames import write_bytes
from sharpstudy.distill import (
    PLACE,
    Squares,
    TrainingError,
    TrainingResult,
    export_weights,
    read_samples,
    validate,
    write_card,
)
from sharpstudy.training.judging import squares_of, verdict_table
from sharpstudy.training.settings import RecipeTraining, Run

if TYPE_CHECKING:
    import pandas as pd

    from sharpstudy.statistics import Verdict

RUN_NAME = re.compile(r"(student|no-teacher|random-teacher)(-\d+)?")
HEAD = ("run", "model", "role", "best")
FEW = 4  # squares that show how far float16 moves pixels: rounding moves those of every frame alike
VISIBLE = 2  # grey levels: a pixel that float16 moves by more has another look


def write_models(trained: RecipeTraining, folder: Path) -> list[Path]:
    """The weight files written, each run's as float16 with its card beside it.

    On a CPU their bytes are the same from run to run: times and machines are for `write_records`.
    """
    squares, written = squares_of(trained, FEW), []
    for run in trained.runs:
        moved = float16_moves(run.result.network, squares)
        if moved > VISIBLE:
            raise TrainingError(
                f"weights of {run.name}: expected float16 to move no pixel by more than {VISIBLE} grey"
                f" levels, got {moved}; the float32 weights are {run.result.weights}"
            )
        card = {**model_card(trained, run), "float16_moves_grey_levels": moved}
        written.append(export_weights(run.result, folder / f"{run.name}.safetensors", card))
    _clear_models(folder, {path.stem for path in written})
    return written


def _clear_models(folder: Path, kept: set[str]) -> None:
    """Takes away other runs of the recipe: an older control is no control of the student beside it."""
    for path in folder.glob("*.safetensors"):
        if path.stem not in kept and RUN_NAME.fullmatch(path.stem):
            path.unlink()
            path.with_suffix(".json").unlink(missing_ok=True)


def model_card(trained: RecipeTraining, run: Run) -> dict[str, Any]:
    """What is said of a run's weights wherever they go: its card without times and machine."""
    card = {key: value for key, value in run.result.card.items() if key not in PLACE}
    taught = trained.taught if run.role == "student" else "this is a control"
    own = trained.own
    if own is None or card["teacher"] is None or trained.report.teacher.name != own.name:
        return {"model": run.name, "role": run.role, "taught": taught, **card}
    training = {key: own.result.card[key] for key in ("loss", "epochs", "steps", "validation")}
    return {
        "model": run.name,
        "role": run.role,
        "taught": taught,
        "teacher_training": {"from": own.start, **training},
        **card,
    }


def float16_moves(network: nn.Module, squares: Squares) -> int:
    """By how many grey levels float16 weights move the pixel of the restored squares that they move most."""
    rounded = copy.deepcopy(network).half().float()
    here = torch.device("cpu")
    frames = [validate(one, squares, here).restored for one in (network, rounded)]
    pairs = zip(*frames, strict=True)
    return max(int(np.abs(first.astype(int) - second).max()) for first, second in pairs)


def write_records(
    trained: RecipeTraining, scores: pd.DataFrame, verdicts: Sequence[Verdict], folder: Path
) -> list[Path]:
    """The files written for the report alone, since they hold times and machines.

    log-<run>.csv, card-<run>.json, the same for a teacher that was trained, speed.csv, scores.csv and
    verdicts.csv.
    """
    import pandas as pd

    written = []
    for name, result in _results(trained).items():
        written += [folder / f"log-{name}.csv", folder / f"card-{name}.json"]
        write_bytes(written[-2], result.log.read_bytes())
        write_card(result.card, written[-1])
    tables = {
        "speed": pd.DataFrame(speed_rows(trained)).round(3),
        "scores": scores.round(6),
        "verdicts": verdict_table(trained, verdicts).round(6),
    }
    for name, table in tables.items():
        written.append(folder / f"{name}.csv")
        write_bytes(written[-1], table.to_csv(index=False, lineterminator="\n").encode())
    return written


def speed_rows(trained: RecipeTraining) -> list[dict[str, Any]]:
    """One row for each network that learned: pairs a second (median of epochs), and where."""
    return [_speed(trained, name, result) for name, result in _results(trained).items()]


def _results(trained: RecipeTraining) -> Mapping[str, TrainingResult]:
    own = {"teacher": trained.own.result} if trained.own else {}
    return own | {run.name: run.result for run in trained.runs}


def _speed(trained: RecipeTraining, name: str, result: TrainingResult) -> dict[str, Any]:
    rates = [row["pairs_per_s"] for row in result.rows if row["pairs_per_s"]]
    card = result.card
    place = {key: card["machine"][key] for key in ("device", "processor", "cores", "threads", "processes")}
    return {
        "recipe": trained.recipe.name,
        "budget": trained.budget,
        "run": name,
        "steps": result.steps,
        "seconds": card["seconds"],
        "pairs_per_s": median(rates) if rates else None,
        **place,
    }


def run_table(trained: RecipeTraining) -> pd.DataFrame:
    """One row for each run: what it learned by, how long, and the validation of the weights that are kept."""
    import pandas as pd

    return pd.DataFrame([_summary(run) for run in trained.runs])


def log_table(trained: RecipeTraining) -> pd.DataFrame:
    """The logs of all runs in one table: run, model, role and best (yes for the weights kept) before their
    columns.

    The role is "realtime" for the students of that family, which figures give a colour of its own.
    """
    import pandas as pd

    family = "realtime" if trained.recipe.student.name == "realtime" else "student"
    parts = []
    for run in trained.runs:
        rows = pd.DataFrame(run.result.rows).astype(float)
        best = ["yes" if step == run.result.best_step else "no" for step in rows["step"]]
        role = family if run.role == "student" else run.role
        parts.append(rows.assign(run=run.name, model=run.model, role=role, best=best))
    table = pd.concat(parts, ignore_index=True)
    return table[["run", "model", "role", "best", *(name for name in table if name not in HEAD)]]


def sample_table(run: Run, count: int) -> pd.DataFrame:
    """Squares through the epochs of a run: place, epoch, degraded, restored, reference; `count` places."""
    import pandas as pd

    samples = [vars(one) for one in read_samples(run.result.folder / "samples") if one.place < count]
    return pd.DataFrame(samples, columns=["epoch", "place", "degraded", "restored", "reference"])


def _summary(run: Run) -> dict[str, Any]:
    result, best = run.result, run.result.scores
    return {
        "run": run.name,
        "loss": result.card["loss"],
        "parameters": result.card["student"]["parameters"],
        "steps": result.steps,
        "epochs": result.epochs,
        "stopped": result.stopped,
        "best_step": result.best_step,
        "gain_db": best["gain_db"],
        "psnr": best["val_psnr"],
        "do_nothing_psnr": best["do_nothing_psnr"],
        "ssim": best["val_ssim"],
        "do_nothing_ssim": best["do_nothing_ssim"],
        "squares": f"{best['val_squares']} of {best['val_side']} pixels",
    }
