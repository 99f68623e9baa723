"""The command `sharpstudy`: thin commands over the library, each importing what it uses when it runs."""

from __future__ import annotations

from typing import Any

import click

from sharpstudy import __version__
from sharpstudy.cli import evaluation, live, mos, pictures, profiling, runtime, training, using


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


for command in (
    pictures.fetch,
    pictures.frames,
    pictures.degrade,
    training.recipes,
    training.teachers,
    training.students,
    training.teach,
    training.distill,
    evaluation.evaluate,
    runtime.export,
    runtime.release,
    profiling.profile,
    using.sharpen,
    live.live,
    mos.mos,
):
    main.add_command(command)
