"""The command that judges anybody's models on anybody's frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sharpstudy.terminal import table_text

if TYPE_CHECKING:
    from sharpstudy.evaluate.comparison import Comparison, Wanted
    from sharpstudy.evaluate.folders import Matched
    from sharpstudy.evaluate.settings import EvalSettings

FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command(short_help="Judge models on your frames, against doing nothing.")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--frames", type=FOLDER, required=True, help="Pristine pictures, the references.")
@click.option("--degraded", type=FOLDER, help="The same pictures as a call delivers them, named alike.")
@click.option("--as", "degradation", help="Degrade the references so; default: the models' recipe's way.")
@click.option("--metrics", help="With commas between; default: all that can be had.")
@click.option("--side", default=0, help="Score the busiest square of so many pixels; 0 is the whole frame.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="Write the tables here.")
@click.option("--device", default="cpu", show_default=True, help="Where students run: cpu, cuda, mps.")
@click.option("--seed", default=1, show_default=True, help="What the degradation leaves to chance.")
@click.option("--fail-if-worse", is_flag=True, help="Exit with 3 when a model does harm.")
def evaluate(
    models: tuple[str, ...],
    frames: Path,
    degraded: Path | None,
    degradation: str | None,
    metrics: str | None,
    side: int,
    into: Path | None,
    device: str,
    seed: int,
    fail_if_worse: bool,
) -> None:
    """Judge MODELS on your frames, each against doing nothing and a tuned unsharp mask.

    A MODEL is an .onnx file of a restoration network, a .safetensors file of a student, a folder of pictures
    that another program restored (named as the frames are), or the name of a recipe whose weights ship;
    NAME=PATH gives it another name. Without --degraded the frames are degraded here. Names, sizes and files
    that do not fit are all listed before anything is computed, with exit code 1. A model that does harm is
    called harmful; the exit code is 0 all the same, unless --fail-if-worse.
    """
    from sharpstudy.evaluate import comparison, words

    if degraded and degradation:
        raise click.UsageError("--degraded brings degraded frames and --as makes them: choose one.")
    settings = _settings(metrics, side, seed)
    wanted = [one for one in map(comparison.find_model, models) if one]
    comparison.check_names(wanted)
    matched = comparison.match_all(wanted, frames, degraded)
    _report_problems(matched)
    found = _compare(wanted, matched, degraded, degradation, device, settings)
    _show(found, settings)
    if into:
        _write(found, into)
    if fail_if_worse and words.warnings(found, settings):
        raise SystemExit(3)


def _settings(metrics: str | None, side: int, seed: int) -> EvalSettings:
    from sharpstudy.evaluate.settings import OWN_METRICS, EvalSettings

    names = tuple(dict.fromkeys(metrics.replace(",", " ").split())) if metrics else OWN_METRICS
    names = tuple(dict.fromkeys(("psnr", "ssim", *names)))  # the verdict stands on these two
    return EvalSettings(side=side, metrics=names, brief_metrics=("psnr", "ssim"), seed=seed)


def _report_problems(matched: Matched) -> None:
    """Lists what nothing asks for, then everything that does not fit, and ends there."""
    for line in matched.unused:
        click.echo(f"not used: {line}", err=True)
    for line in matched.problems:
        click.echo(f"does not fit: {line}", err=True)
    if matched.problems:
        raise click.ClickException(f"{len(matched.problems)} things do not fit; nothing was computed.")


def _compare(
    wanted: list[Wanted],
    matched: Matched,
    degraded: Path | None,
    degradation: str | None,
    device: str,
    settings: EvalSettings,
) -> Comparison:
    from tempfile import TemporaryDirectory

    from sharpstudy.evaluate import comparison

    loaded = comparison.load_models(wanted, matched, device)
    with TemporaryDirectory() as folder, _bars() as progress:
        if degraded:
            pairs = comparison.given_pairs(matched, settings)
        else:
            name = degradation or comparison.default_degradation(wanted)
            click.echo(f"{len(matched.references)} frames, degraded here by {name}")
            pairs = comparison.made_pairs(matched, name, Path(folder), settings)
        return comparison.compare_models(loaded, pairs, matched.references, settings, progress)


def _show(found: Comparison, settings: EvalSettings) -> None:
    from sharpstudy.evaluate import words

    table = table_text(words.result_rows(found))
    click.echo(f"\n{table}\n")
    if "(!)" in table:
        click.echo("(!) does harm: it is worse than doing nothing here, or spoils frames that need nothing\n")
    for line in words.sentences(found):
        click.echo(line)
    for line in (*found.notes, *words.missing_metrics(found)):
        click.echo(f"Note: {line}")
    for line in words.warnings(found, settings):
        click.secho(f"\n{line}", fg="red", bold=True)


def _write(found: Comparison, into: Path) -> None:
    from sharpstudy.data.frames import write_bytes
    from sharpstudy.evaluate import write_scores

    into.mkdir(parents=True, exist_ok=True)
    write_scores(into / "scores.csv", found.scores)
    for name, table in (("verdicts", found.verdicts), ("clean", found.clean)):
        write_bytes(into / f"{name}.csv", table.round(6).to_csv(index=False, lineterminator="\n").encode())
    click.echo(f"\nwrote scores.csv, verdicts.csv and clean.csv to {into}")


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int], None]]:
    """One progress bar a model on stderr, where someone is watching."""
    import sys

    from tqdm import tqdm

    bars: dict[str, tqdm] = {}

    def show(name: str, done: int, total: int) -> None:
        if name not in bars:
            bars[name] = tqdm(total=total, desc=name, unit="frame", disable=not sys.stderr.isatty())
        bars[name].update(done - bars[name].n)

    try:
        yield show
    finally:
        for bar in bars.values():
            bar.close()
