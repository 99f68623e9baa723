"""Commands for training: what recipes, teachers and students there are, teaching and distilling."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sharpstudy.terminal import table_text

if TYPE_CHECKING:
    from sharpstudy.training import RecipeTraining


@click.command(short_help="List the recipes, or explain one.")
@click.argument("name", required=False)
def recipes(name: str | None) -> None:
    """List the recipes, or explain one in full.

    NAME is one of those listed, or the file of a recipe of your own.
    """
    from sharpstudy.recipes import describe_recipe, load_recipe, recipe_rows

    if name:
        click.echo(describe_recipe(load_recipe(name)))
        return
    wanted = ("recipe", "degradation", "teacher", "summary")
    click.echo(table_text([{key: row[key] for key in wanted} for row in recipe_rows()]))


@click.command(short_help="List the teachers that there are.")
def teachers() -> None:
    """List the teachers: size, multiply-adds per pixel of the full-size frame, licence, and what is here.

    "here" says whose weights are at hand: official (published by their authors; `sharpstudy fetch --list`) or
    released (trained by this study, inside the package).
    """
    from sharpstudy.assets import find_asset
    from sharpstudy.teachers import TEACHERS, released_weights, teacher_rows

    def here(name: str) -> str:
        official = any(find_asset(asset) for asset in TEACHERS[name].assets)
        released = released_weights(name).exists()
        return (
            " ".join(word for word, there in (("official", official), ("released", released)) if there)
            or "no"
        )

    wanted = ("teacher", "family", "scale", "parameters", "kmac_per_pixel", "licence")
    rows = [{key: row[key] for key in wanted} | {"here": here(row["teacher"])} for row in teacher_rows()]
    click.echo(table_text(rows))


@click.command(short_help="List the students that there are.")
def students() -> None:
    """List the students: parameters, multiply-adds per pixel of the full-size frame, and what each reads."""
    from sharpstudy.students import STUDENTS, build_student, count_parameters, fold, macs_per_pixel

    rows = []
    for name in STUDENTS:
        student = fold(build_student(name))
        kmac = macs_per_pixel(student, 1080, 1920) / 1000
        reads = f"the {student.reads} frame" + (f", enlarges x{student.scale}" if student.scale > 1 else "")
        rows.append(
            {"student": name, "parameters": count_parameters(student), "kmac_per_pixel": kmac, "reads": reads}
        )
    click.echo(table_text(rows))


@click.command(
    short_help="Find a recipe's teacher and store what it makes of the frames.",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def teach(words: tuple[str, ...]) -> None:
    """Find a recipe's teacher and store its targets; its own parser explains the options."""
    from sharpstudy.teach.__main__ import main as run

    raise SystemExit(run(list(words), "sharpstudy teach"))


CONTROLS = ("no-teacher", "random-teacher")


@click.command(short_help="Train a recipe's student.")
@click.argument("recipe")
@click.option("--budget", type=click.Choice(["quick", "full"]), default="quick", show_default=True)
@click.option("--spend", "spending", multiple=True, metavar="KEY=VALUE",
              help="Another value in the budget (epochs=3) or precision=bf16.")  # fmt: skip
@click.option("--seeds", type=click.IntRange(0, 100), default=1, show_default=True,
              help="Students from first weights of their own; 0: 1 at quick, 3 at full.")  # fmt: skip
@click.option("--control", "controls", type=click.Choice(CONTROLS), multiple=True,
              help="Train this beside the student, from the same first weights; may come twice.")  # fmt: skip
@click.option("--teacher-weights", "weights", multiple=True, metavar="NAME=FILE",
              help="Weights for a teacher, instead of its published or released ones.")  # fmt: skip
@click.option("--train-frames", type=int, help="At most so many; the quick budget takes 40 by itself.")
@click.option("--validation-frames", type=int, help="At most so many; the quick budget takes 16 by itself.")
@click.option("--folder", type=click.Path(path_type=Path, exists=True),
              help="Your own pictures, for a recipe with the source 'folder'.")  # fmt: skip
@click.option("--start", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Weights of the same student to go on from, such as the released ones; a realtime "
                   "student also grows from a shallower one's.")  # fmt: skip
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, mps or auto.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False),
              help="Where weights, cards and logs go; default: a folder in work/models.")  # fmt: skip
@click.option("--afresh", is_flag=True, help="Start anew instead of going on with what is found.")
def distill(
    recipe: str,
    budget: str,
    spending: tuple[str, ...],
    seeds: int,
    controls: tuple[str, ...],
    weights: tuple[str, ...],
    train_frames: int | None,
    validation_frames: int | None,
    folder: Path | None,
    start: Path | None,
    device: str,
    into: Path | None,
    afresh: bool,
) -> None:
    """Train the student of RECIPE (a name, or a file of your own) and say what it gained.

    Where the recipe trains its teacher first, that is done. The teacher then has to pass the gate; where
    nobody does, the student is trained without one, and its card says so.

    Ctrl-C loses at most an epoch: the same command goes on from the last checkpoint, and finds what is
    finished. On several GPUs, put torchrun before it: torchrun --nproc-per-node=8 -m sharpstudy distill ...
    """
    from sharpstudy import training
    from sharpstudy.data.sources import SourceOptions
    from sharpstudy.distill import process_rank, progress_line
    from sharpstudy.paths import WORK
    from sharpstudy.recipes import load_recipe, respent
    from sharpstudy.teach import TeachSettings, progress_bar

    changes = dict(_pair("--spend", "KEY=VALUE", one) for one in spending)
    source = SourceOptions(100, 960, 540, folder=folder)
    given = dict(_pair("--teacher-weights", "NAME=FILE", one) for one in weights)
    files = {name: Path(file) for name, file in given.items()}
    teaching = TeachSettings(source, train_frames, validation_frames, weights=files)
    options = training.TrainOptions(seeds or None, controls, device, "never" if afresh else "auto", start)
    trained = training.train_recipe(
        respent(load_recipe(recipe), budget, changes),
        budget,
        teaching,
        options,
        progress=progress_bar(),
        line=progress_line,
    )
    if process_rank() == 0:
        _report(trained, into or WORK / "models" / f"{trained.recipe.name}-{budget}", device)


def _pair(option: str, form: str, word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        raise click.UsageError(f"{option} takes {form}, and got {word!r}.")
    return name, value


def _report(trained: RecipeTraining, folder: Path, device: str) -> None:
    """Write what was trained, and say what it is worth."""
    from sharpstudy import training

    scores = training.score_runs(trained, device)
    verdicts = training.judge_runs(trained, scores)
    files = training.write_models(trained, folder)
    training.write_records(trained, scores, verdicts, folder / "training")
    rows = training.run_table(trained).to_dict("records")
    click.echo(f"\n{trained}\n")
    for row in rows:
        click.echo(
            f"{row['run']}: best at step {row['best_step']:,} of {row['steps']:,}; {row['psnr']:.2f} dB, SSIM"
            f" {row['ssim']:.4f} on validation squares ({row['squares']}); doing nothing:"
            f" {row['do_nothing_psnr']:.2f} dB, {row['do_nothing_ssim']:.4f}"
        )
    for verdict in verdicts:
        click.echo(training.verdict_words(verdict))
    click.echo("\n".join(map(str, files)))
