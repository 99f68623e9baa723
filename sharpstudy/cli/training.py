"""Commands for training: what recipes, teachers and students there are, teaching and distilling."""

from __future__ import annotations

from pathlib import Path

import click

from sharpstudy.terminal import table_text


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
    from sharpstudy.teach import main as run

    raise SystemExit(run(list(words)))


@click.command(short_help="Train a recipe's student.")
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
