"""The command `sharpstudy`: thin commands over the library, each importing what it uses when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sharpstudy import __version__
from sharpstudy.terminal import progress, report_skipped, table_text


class Commands(click.Group):
    """A group whose commands answer a ValueError of the library with its sentence instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ValueError, OSError) as error:
            raise click.ClickException(str(error)) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of use, not of the alphabet


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sharpstudy")
def main() -> None:
    """A study of distilled sharpeners for video calls, and the tools that it is made of.

    The whole study runs with `dvc repro`, or with `python run.py study`, which also sets everything up. The
    commands below do its parts by hand. `sharpstudy COMMAND --help` explains each.
    """


@main.command(short_help="Fetch data sets and published weights.")
@click.argument("names", nargs=-1)
@click.option("--list", "show_list", is_flag=True, help="Show what can be fetched, and what is here already.")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), help="The assets folder to fetch into."
)
def fetch(names: tuple[str, ...], show_list: bool, into: Path | None) -> None:
    """Fetch data sets and published weights from their official addresses.

    NAMES are those that --list shows. Size, licence and check are printed before anything is loaded; a
    download that broke goes on where it stopped. What is fetched lies in the folder that SHARPSTUDY_ASSETS
    names, or in the user's cache.
    """
    from sharpstudy.assets import asset_named
    from sharpstudy.assets.listing import describe_asset, fetch_text, list_text

    if show_list:
        click.echo(list_text())
        return
    if not names:
        raise click.UsageError("Name what to fetch; `sharpstudy fetch --list` shows what there is.")
    for name in names:
        asset_named(name)  # all of them known before the first is loaded
    for name in names:
        click.echo(describe_asset(name))
        click.echo(fetch_text(name, into))


@main.command(short_help="Show what the study makes of your pictures.")
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--every", default=10, show_default=True, help="Of a clip, take every so-manieth frame.")
@click.option(
    "--csv", "table", type=click.Path(path_type=Path, dir_okay=False), help="Write frames.csv here."
)
def frames(folder: Path, every: int, table: Path | None) -> None:
    """Show what the study makes of a FOLDER of your pictures and clips.

    That is their categories, the split, and what cannot be read. Sub-folders named text, nature, people,
    animals or graphics give the category; a CSV with the columns frame and category (and clip, split) may
    stand in for the folder. Exits with 1 when a file had to be skipped.
    """
    from sharpstudy.data.sources import SourceOptions, load_source, split_table, write_frames_csv

    skipped: list[Exception] = []
    references = load_source("folder", SourceOptions(folder=folder, every=every), skipped.append)
    counts = split_table(references).pivot(index="category", columns="split", values="frames")
    clips = len({reference.clip for reference in references})
    click.echo(f"{len(references)} frames of {clips} clips; frames by category and split:\n")
    counts = counts.fillna(0).astype(int)
    click.echo(counts.loc[counts.sum(axis=1) > 0, ["train", "validation", "test"]].to_string())
    if table:
        write_frames_csv(table, references)
        click.echo(f"\nwrote {table}")
    report_skipped(skipped)


@main.command(short_help="Make of pictures what a video call delivers.")
@click.argument("pictures", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--as", "name", default="call-300k", show_default=True, help="The degradation, by name.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="The folder to write to.")
@click.option(
    "--seed", default=1, show_default=True, help="What the degradation leaves to chance hangs on it."
)
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.option("--list", "show_list", is_flag=True, help="Show the degradations and what each does.")
def degrade(
    pictures: tuple[Path, ...], name: str, into: Path | None, seed: int, force: bool, show_list: bool
) -> None:
    """Make of PICTURES (files or folders) what a video call would deliver of them.

    photo.jpg becomes photo.call-300k.png beside it, of the same size. A file that cannot be read is named
    and the rest goes on; the exit code is then 1.
    """
    from sharpstudy.data.degrade import DEGRADATIONS, describe, parse_degradation
    from sharpstudy.data.degrade import degrade as degrade_frame
    from sharpstudy.data.frames import FrameBatch, write_frame
    from sharpstudy.data.prepare import frame_seed

    if show_list:
        width = max(map(len, DEGRADATIONS))
        for key, settings in DEGRADATIONS.items():
            click.echo(f"{key:<{width}}  {describe(settings)}")
        return
    if not pictures:
        raise click.UsageError(
            "Name a picture or a folder; `sharpstudy degrade --list` shows the degradations."
        )
    settings = parse_degradation(name)
    targets = degraded_paths(pictures, name, into)
    there = [target for target in targets.values() if target.exists() and not force]
    if there:
        raise click.ClickException(f"{there[0]} is there already; --force writes over it.")
    batch = FrameBatch(list(targets))
    for path, frame in progress(batch, len(targets), "degrading"):
        targets[path].parent.mkdir(parents=True, exist_ok=True)
        write_frame(targets[path], degrade_frame(frame, settings, frame_seed(seed, path.name, 0)))
    click.echo(f"{len(targets) - len(batch.skipped)} pictures degraded by {name}")
    report_skipped(batch.skipped)


def degraded_paths(pictures: tuple[Path, ...], name: str, into: Path | None) -> dict[Path, Path]:
    """Each picture with the file that its degraded frame goes to; in folders, made ones are left out.

    Sub-folders are kept below `into`. Two pictures that would share a file keep their suffix in its name.
    """
    from sharpstudy.data.degrade import DEGRADATIONS
    from sharpstudy.data.frames import find_frames

    made = tuple(f".{known}.png" for known in DEGRADATIONS)
    targets: dict[Path, Path] = {}
    for one in pictures:
        found = [path for path in find_frames(one) if not path.name.endswith(made)] if one.is_dir() else [one]
        for path in found:
            folder = (into / path.parent.relative_to(one) if one.is_dir() else into) if into else path.parent
            target = folder / f"{path.stem}.{name}.png"
            targets[path] = folder / f"{path.name}.{name}.png" if target in targets.values() else target
    if not targets:
        raise click.ClickException("There is no picture to degrade; clips are not taken.")
    return targets


@main.command(short_help="List the recipes, or explain one.")
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


@main.command(short_help="List the teachers that there are.")
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


@main.command(short_help="List the students that there are.")
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


@main.command(
    short_help="Find a recipe's teacher and store what it makes of the frames.",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def teach(words: tuple[str, ...]) -> None:
    """Find a recipe's teacher and store its targets; its own parser explains the options."""
    from sharpstudy.teach import main as run

    raise SystemExit(run(list(words)))


@main.command(short_help="Train a recipe's student.")
@click.argument("recipe")
@click.option("--budget", type=click.Choice(["quick", "full"]), default="quick", show_default=True)
@click.option(
    "--control",
    type=click.Choice(["none", "no-teacher", "random-teacher"]),
    default="none",
    show_default=True,
    help="Train the same student from the same start without a teacher, or with a teacher of random weights.",
)
@click.option(
    "--seed", default=0, show_default=True, help="First weights and the order of patches hang on it."
)
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, mps or auto.")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), help="Default: a folder in work/runs."
)
@click.option("--afresh", is_flag=True, help="Start anew instead of going on from the last checkpoint.")
def distill(
    recipe: str, budget: str, control: str, seed: int, device: str, into: Path | None, afresh: bool
) -> None:
    """Train the student of RECIPE (a name, or a file of your own) and say what it gained.

    Its teacher has to pass the gate first; where nobody does, the student is trained without one, and the
    card says so. A training that was stopped goes on from its last checkpoint. On many devices: torchrun -m
    sharpstudy distill ...
    """
    from sharpstudy.distill import TaughtBy, progress_line
    from sharpstudy.distill import distill as train_student
    from sharpstudy.paths import WORK
    from sharpstudy.recipes import load_recipe, without_teacher
    from sharpstudy.teach import TeachSettings, progress_bar, teach

    wanted = load_recipe(recipe)
    asked = TeachSettings(control="random" if control == "random-teacher" else "none")
    asking = (
        without_teacher(wanted) if control == "no-teacher" else wanted
    )  # then nobody has to restore anything
    report = teach(asking, budget, asked, device=device, when_none="report", progress=progress_bar())
    click.echo(report)
    teacher = report.teacher
    if teacher is None and wanted.needs_teacher:
        control = "no-teacher"
    gate = next((str(one.result) for one in report.tried if one.state in ("teaches", "control")), None)
    with progress_line(f"{wanted.name}, {control}") as on_step:
        result = train_student(
            wanted,
            budget,
            pairs_train=report.train,
            pairs_validation=report.validation,
            folder=into or WORK / "runs" / f"{wanted.name}-{budget}-{control}-{seed}",
            control=control,
            taught_by=TaughtBy(teacher.name, teacher.weights, teacher.sha256, gate) if teacher else None,
            teacher=teacher,
            seed=seed,
            device=device,
            resume="never" if afresh else "auto",
            on_step=on_step,
        )
    for note in result.notes:
        click.echo(note)
    best = result.scores
    click.echo(
        f"best at step {result.best_step}: {best['val_psnr']:.2f} dB, SSIM {best['val_ssim']:.4f} on "
        f"{best['val_squares']} validation squares; doing nothing: {best['do_nothing_psnr']:.2f} dB, "
        f"{best['do_nothing_ssim']:.4f}\n{result.weights}"
    )
