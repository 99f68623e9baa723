"""Commands for speed: how long a model takes on this machine."""

from __future__ import annotations

from typing import Literal

import click

from sharpstudy.terminal import table_text

SHOWN = ("model", "backend", "precision", "threads", "stage", "p50_ms", "p95_ms", "p99_ms", "fps", "repeats")


@click.command(short_help="Measure how fast a model is on this machine.")
@click.argument("model", default="M")
@click.option("--size", default="1920x1080", show_default=True, help="Width x height in pixels.")
@click.option("--backend", default="", help="Default: the one in which the model is usually run.")
@click.option("--precision", default="", help="fp32, bf16 or int8. Default: as the backend usually runs.")
@click.option("--threads", default=0, show_default=True, help="0 for all cores.")
@click.option(
    "--seconds", default=10.0, show_default=True, help="How long frames are timed, after a warm-up."
)
@click.option("--against", multiple=True, help="Another model, in turns with this one, for the ratio.")
@click.option("--memory", type=click.Choice(["on", "off"]), default="on", show_default=True)
@click.option("--device", default="cpu", show_default=True, help="cuda for a student in PyTorch on a GPU.")
@click.option("--goals", is_flag=True, help="Measure the study's speed goals instead, in one run.")
def profile(
    model: str,
    size: str,
    backend: str,
    precision: str,
    threads: int,
    seconds: float,
    against: tuple[str, ...],
    memory: Literal["on", "off"],
    device: str,
    goals: bool,
) -> None:
    """Measure how long MODEL takes for a frame: the network alone, and end to end between uint8 frames.

    MODEL is S, M, L or nano, a published student's or a teacher's name, unsharp, copy, or a .onnx or
    .safetensors file. FPS is 1000 / p95. With --against the two take turns, so that their ratio holds even
    where the machine is not quiet.
    """
    from sharpstudy.paths import WORK
    from sharpstudy.profiling.goals import goal_text
    from sharpstudy.profiling.single import Asked, parse_size, profile_one
    from sharpstudy.speed import describe_machine

    folder, say = WORK / "profile", lambda text: click.echo(text, err=True)
    folder.mkdir(parents=True, exist_ok=True)
    click.echo(describe_machine().label)
    if goals:
        click.echo(goal_text(folder, threads, say))
        return
    asked = Asked(model, parse_size(size), backend, precision, threads, device, seconds, memory)
    result = profile_one(asked, against, folder)
    # Too few frames for a p99 leave it empty (NaN, which differs from itself).
    rows = [{key: row[key] if row[key] == row[key] else "-" for key in SHOWN} for row in result.rows]
    click.echo(table_text(rows))
    for line in result.remarks:
        click.echo(line)
