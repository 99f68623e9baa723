"""Commands for what runs: exporting students to files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import numpy as np

    from sharpstudy.students import Student

CALIBRATING, CHECKING = 32, 8


@click.command(short_help="Write a student as a file that runs without this package.")
@click.argument("recipe_or_file")
@click.option(
    "--format",
    "form",
    type=click.Choice(["int8", "onnx", "openvino", "torch-export"]),
    default="int8",
    show_default=True,
    help="openvino needs the extra `fast`, and is int8 too.",
)
@click.option("--into", type=click.Path(path_type=Path), help="A folder, or the file itself; default: here.")
@click.option(
    "--frames",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Pictures to calibrate and check with; the bundled ones unless told.",
)
@click.option("--as", "degradation", help="How they are degraded; as the recipe says unless told.")
def export(
    recipe_or_file: str, form: str, into: Path | None, folder: Path | None, degradation: str | None
) -> None:
    """Write a trained student as a file: ONNX in int8 or float32, OpenVINO, or torch.export.

    RECIPE_OR_FILE is a recipe, whose newest training in work/runs is taken, or a .safetensors file. What is
    written is then run beside the student in PyTorch on pictures that it was not calibrated with, and what
    was lost is printed.
    """
    from sharpstudy.runtime import export_student, self_check
    from sharpstudy.runtime.export import SUFFIXES

    weights = newest_weights(recipe_or_file)
    student = _load(weights)
    pairs = degraded_pairs(folder, degradation or degradation_of(recipe_or_file, student.name))
    target = target_file(into, weights, form, SUFFIXES[form])
    calibration = [degraded for _, degraded in pairs[CHECKING:]] if form in ("int8", "openvino") else None
    made = export_student(student, target, form, calibration)
    click.echo(f"{made.path}: {made.precision}, {made.bytes / 1000:,.1f} kB, from {weights}")
    click.echo(str(self_check(made.path, student, pairs[:CHECKING])))


@click.command(short_help="Judge trained weights, and write the files that ship.")
@click.argument("name_or_file")
@click.option("--weights", type=click.Path(path_type=Path, dir_okay=False),
              help="Of a teacher: its file; default: its newest training in work/teachers.")  # fmt: skip
@click.option("--name", help="What a student's files are called; default: the recipe.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False),
              help="Default: the folder of the weights that ship with the package.")  # fmt: skip
@click.option("--source", default="", help="Where test frames come from; default: the recipe's own sources.")
@click.option("--frames", "count", type=click.IntRange(10), default=60, show_default=True,
              help="At most so many test frames.")  # fmt: skip
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, mps.")
def release(
    name_or_file: str,
    weights: Path | None,
    name: str | None,
    into: Path | None,
    source: str,
    count: int,
    device: str,
) -> None:
    """Restore test frames with trained weights and, if they beat doing nothing, write them as they ship.

    NAME_OR_FILE is a recipe, whose newest training in work/runs is taken, a student's .safetensors file with
    its card beside it, or a teacher that this study trained. Written are float16 weights, their card with the
    verdicts, and for a realtime student the int8 ONNX file that the sharpener runs. Weights that are not
    better than doing nothing are refused. A teacher is judged on the degradation of the recipe that trained
    it, and ships under its own name.
    """
    from sharpstudy.paths import WEIGHTS
    from sharpstudy.recipes import load_recipe
    from sharpstudy.release import judge_release, recipe_of, write_release
    from sharpstudy.teachers import TEACHERS

    teacher = name_or_file if name_or_file in TEACHERS else ""
    if weights and not teacher:
        raise click.UsageError(f"--weights is for a teacher's file, and {name_or_file} is no teacher.")
    if name and teacher:
        raise click.UsageError(f"--name is for a student; a teacher ships as {teacher}.")
    found = (weights or _newest_teacher(teacher)) if teacher else newest_weights(name_or_file)
    recipe = load_recipe(recipe_of(found))
    judged = judge_release(found, recipe, source, count, device=device, teacher=teacher)
    for verdict in (*judged.verdicts, *judged.over_mask):
        click.echo(str(verdict))
    files = write_release(judged, into or WEIGHTS, teacher or name or recipe.name)
    if not teacher and (student := _load(files[0])).name == "realtime":
        pairs = degraded_pairs(None, recipe.degradation)
        target = files[0].with_suffix(".onnx")
        export_int8(student, target, pairs)
        files.append(target)
    click.echo("\n".join(map(str, files)))


def export_int8(student: Student, target: Path, pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """The student as int8 ONNX, with its size and what it loses against PyTorch printed."""
    from sharpstudy.runtime import export_student, self_check

    made = export_student(student, target, "int8", [degraded for _, degraded in pairs[CHECKING:]])
    click.echo(f"{made.path.name}: {made.precision}, {made.bytes / 1000:,.1f} kB")
    click.echo(str(self_check(made.path, student, pairs[:CHECKING])))


def newest_weights(recipe_or_file: str) -> Path:
    """The file itself, or the best weights of the recipe's newest training in work/runs.

    A training without the recipe's teacher counts only where there is none with it, a random teacher's never.
    """
    from sharpstudy.paths import WORK
    from sharpstudy.recipes import load_recipe

    path = Path(recipe_or_file)
    if path.suffix == ".safetensors":
        if not path.is_file():
            raise click.ClickException(f"there is no file {path}")
        return path
    name = load_recipe(recipe_or_file).name
    found = [
        (control == "none", file.stat().st_mtime, file)
        for file in (WORK / "runs").glob("*/best.safetensors")
        for recipe, control in [_trained_as(file.with_name("card.json"))]
        if recipe == name and control in ("none", "no-teacher")
    ]
    if not found:
        raise click.ClickException(
            f"{name} has no training in work/runs; `sharpstudy distill {recipe_or_file}` makes one."
        )
    return max(found)[-1]


def _newest_teacher(name: str) -> Path:
    """The weights of the teacher's newest training in work/teachers."""
    from sharpstudy.paths import WORK

    found = [
        (file.stat().st_mtime, file) for file in (WORK / "teachers").glob(f"{name}-*/{name}-*.safetensors")
    ]
    if not found:
        raise click.ClickException(
            f"{name} has no training in work/teachers; the full budget of a recipe that trains it makes one."
        )
    return max(found)[-1]


def _trained_as(card: Path) -> tuple[str, str]:
    """The recipe and the control that a training's card names; empty words where it has none."""
    if not card.is_file():
        return "", ""
    told = json.loads(card.read_text(encoding="utf-8"))
    return told["recipe"], told["control"]["name"]


def degradation_of(recipe_or_file: str, student: str) -> object:
    """The degradation of the recipe; of a file, that of the first recipe with its student."""
    from sharpstudy.recipes import RECIPES, load_recipe

    if Path(recipe_or_file).suffix != ".safetensors":
        return load_recipe(recipe_or_file).degradation
    return next(recipe.degradation for recipe in map(load_recipe, RECIPES) if recipe.student.name == student)


def degraded_pairs(folder: Path | None, degradation: object) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of reference and degraded frame: the first few to check with, the others to calibrate with."""
    from sharpstudy.data.degrade import degrade, parse_degradation
    from sharpstudy.data.sources import SourceOptions, load_source

    options = SourceOptions(folder=folder) if folder else SourceOptions()
    references = load_source("folder" if folder else "bundled", options)
    settings, wanted = parse_degradation(degradation), CALIBRATING + CHECKING
    step = max(1, len(references) // wanted)
    frames = [reference.load() for reference in references[::step][:wanted]]
    if len(frames) <= CHECKING:
        raise click.ClickException(
            f"expected more than {CHECKING} pictures to calibrate with, got {len(frames)}"
        )
    return [(frame, degrade(frame, settings, seed)) for seed, frame in enumerate(frames)]


def target_file(into: Path | None, weights: Path, form: str, suffix: str) -> Path:
    """Where the file goes: `into` if it is of that suffix, else in that folder or the current one.

    Beside the weights, a float32 file of the released student would take the name of the one that ships.
    """
    if into is not None and into.suffix == suffix:
        return into
    name = weights.parent.name if weights.stem == "best" else weights.stem
    ending = ".int8" if form == "int8" else ""
    return (into or Path()) / f"{name}{ending}{suffix}"


def _load(weights: Path) -> Student:
    from sharpstudy.runtime.models import student_in
    from sharpstudy.students import load_student

    return load_student(student_in(weights), weights).student
