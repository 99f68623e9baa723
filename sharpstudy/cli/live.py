"""The command that sharpens a webcam: preview, virtual camera, measurement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sharpstudy.cli.using import BACKEND, MODEL, STRENGTH, THREADS


@click.command(short_help="Sharpen a webcam: preview, virtual camera, measurement.")
@click.argument("camera", default="0")
@click.option("--size", help="Ask the camera for WIDTHxHEIGHT, 256x256 to 1920x1080.")
@click.option("--fps", type=click.Choice(["30", "60"]), default="30", show_default=True)
@click.option("--virtual-camera", is_flag=True, help="Send the clean picture to Meet, Zoom or Teams.")
@click.option("--headless", is_flag=True, help="No window.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="End after so long.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write a CSV, a row a frame.")
@click.option("--loop", is_flag=True, help="Play a clip again and again.")
@click.option(
    "--snapshots",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where the s key writes to.",
)
@click.option(
    "--slow-down", nargs=3, type=float, help="FACTOR FROM UNTIL (seconds): a slower model, to try the policy."
)
@STRENGTH
@MODEL
@BACKEND
@THREADS
def live(
    camera: str,
    size: str | None,
    fps: str,
    virtual_camera: bool,
    headless: bool,
    seconds: float | None,
    report: Path | None,
    loop: bool,
    snapshots: Path,
    slow_down: tuple[float, float, float] | None,
    strength: float,
    model: str,
    backend: str,
    threads: int | None,
) -> None:
    """Sharpen what CAMERA shows: its number (0 is the first), or a clip that stands in for one.

    No frame goes out later than the frame time: what is not restored by then goes out raw. The network's work
    shrinks where the machine is too slow, and frames that are sharp already pass untouched. In the window,
    drag the line with the mouse; + and - set the strength, space switches it off and on, s saves before and
    after, o hides the numbers, q quits.
    """
    from sharpstudy.runtime import Sharpener, SharpJudge
    from sharpstudy.runtime.cameras import CameraSettings, open_camera
    from sharpstudy.runtime.deadline import DeadlineSharpener
    from sharpstudy.runtime.live import run_live, slowed
    from sharpstudy.runtime.policy import PolicySettings
    from sharpstudy.runtime.window import require_display

    width, height = _sides(size)
    if slow_down and slow_down[0] < 1:
        raise click.UsageError(f"--slow-down: FACTOR must be at least 1, came {slow_down[0]:g}.")
    if not headless:
        require_display()  # before a clip brings PyAV
    asked = CameraSettings(width, height, float(fps), "loop" if loop else "stop")
    with Sharpener(model, backend=backend, threads=threads, bypass="off") as sharpener:
        restore = slowed(sharpener, *slow_down) if slow_down else sharpener
        source = open_camera(camera, asked)
        click.echo(f"{source.name}: {sharpener.about}")
        keeper = DeadlineSharpener(
            restore, PolicySettings(deadline_s=1 / float(fps)), strength=strength, is_sharp=SharpJudge()
        )
        screen, outputs = _receivers(headless, virtual_camera, snapshots, strength, source)
        stats = run_live(source, keeper, screen=screen, outputs=outputs, seconds=seconds, report=report)
    for receiver in (*outputs, *([screen] if screen else [])):
        receiver.close()
    click.echo(stats.summary())
    if keeper.last_error:
        click.echo(f"the model failed, last with: {keeper.last_error}", err=True)
    if stats.frames == 0:
        raise SystemExit(1)


def _receivers(
    headless: bool, virtual_camera: bool, snapshots: Path, strength: float, source: Any
) -> tuple[Any, tuple[Any, ...]]:
    from sharpstudy.runtime.virtual_camera import VirtualCamera
    from sharpstudy.runtime.window import HELP, Window

    outputs: tuple[Any, ...] = ()
    if virtual_camera:
        outputs = (VirtualCamera(*source.size, source.fps),)
        click.echo(f"choose the camera {outputs[0].name!r} in your meeting")
    if headless:
        return None, outputs
    click.echo(HELP)
    return Window(snapshots, strength), outputs


def _sides(size: str | None) -> tuple[int | None, int | None]:
    if size is None:
        return None, None
    width, cross, height = size.lower().partition("x")
    if not (cross and width.isdigit() and height.isdigit()):
        raise click.UsageError(f"--size must be like 1280x720, came {size}")
    return int(width), int(height)
