"""The command that sharpens pictures and video files, and the options that it shares with `live`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sharpstudy.runtime import Sharpener

STRENGTH = click.option(
    "--strength", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="How much of it."
)
MODEL = click.option(
    "--model", default="realtime", show_default=True, help="A released model, or a file of your own."
)
BACKEND = click.option("--backend", default="auto", show_default=True, help="What the model runs on.")
THREADS = click.option("--threads", type=click.IntRange(1), help="Default: all cores.")


@click.command(short_help="Sharpen pictures and video files.")
@click.argument("files", nargs=-1, required=True)
@STRENGTH
@click.option("--compare", type=click.Choice(["side", "split"]), help="Before and after in one picture.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file to write, for one FILE.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="The folder to write to.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.option("--quality", type=click.IntRange(1, 100), default=95, show_default=True, help="Of JPEG, WebP.")
@click.option(
    "--crf", type=click.IntRange(0, 51), default=18, show_default=True, help="Of videos; 0 is best."
)
@click.option("--keep-partial", is_flag=True, help="Ctrl-C leaves as much of a video as was done.")
@MODEL
@BACKEND
@THREADS
def sharpen(
    files: tuple[str, ...],
    strength: float,
    compare: str | None,
    output: Path | None,
    into: Path | None,
    force: bool,
    quality: int,
    crf: int,
    keep_partial: bool,
    model: str,
    backend: str,
    threads: int | None,
) -> None:
    """Sharpen FILES: pictures, video files, folders of them, and patterns such as "*.jpg".

    photo.jpg becomes photo.sharp.jpg beside it, clip.mp4 becomes clip.sharp.mp4 with its sound. With
    --compare they become photo.compare.jpg, raw on the left; videos are always split. Below --into, folders
    keep their sub-folders. A file that fails is named and the rest goes on; the exit code is then 1.
    """
    from sharpstudy.runtime import Sharpener
    from sharpstudy.runtime.pictures import named_files
    from sharpstudy.runtime.video import VideoSettings

    found = named_files(files, _picture_suffixes() + _video_suffixes())
    if not found:
        raise click.ClickException("There is no picture and no video among these.")
    if output and len(found) > 1:
        raise click.UsageError(f"--output is for one file, came {len(found)}; --into names a folder.")
    if output and output.is_dir():
        raise click.UsageError(f"--output names a file, and {output} is a folder; --into names a folder.")
    video = VideoSettings(crf=crf)
    with Sharpener(model, backend=backend, threads=threads, strength=strength, bypass="off") as sharpener:
        click.echo(sharpener.about)
        run = _Run(sharpener, compare, output, into, "yes" if force else "no", keep_partial)
        failed = [path for path, below in found.items() if not run.one(path, below, quality, video)]
    if len(found) > 1 or failed:
        click.echo(f"{len(found) - len(failed)} of {len(found)} files sharpened.", err=bool(failed))
    if failed:
        raise SystemExit(1)


class _Run:
    """What holds for all files of one call."""

    def __init__(
        self,
        sharpener: Sharpener,
        compare: str | None,
        output: Path | None,
        into: Path | None,
        overwrite: str,
        keep_partial: bool,
    ) -> None:
        self.sharpener, self.compare, self.output, self.into = sharpener, compare, output, into
        self.overwrite, self.when_interrupted = overwrite, "keep" if keep_partial else "drop"
        self._made: dict[Path, Path] = {}  # what was written by this call, and of which file

    def one(self, path: Path, below: Path, quality: int, video: Any) -> bool:
        """Whether the file was sharpened, `below` the folder to write to; what came of it is said."""
        from sharpstudy.data.frames import FrameError

        is_video = path.suffix.lower() in _video_suffixes()
        try:
            target = self._target(path, self.into / below if self.into else None, is_video)
            if target in self._made:
                raise FrameError(path, f"{target} was just made of {self._made[target]}")
            if is_video:
                self._video(path, target, video)
            else:
                self._picture(path, target, quality)
            self._made[target] = path
        except (ValueError, OSError) as error:
            hint = "; --force writes over it" if "there already" in str(error) else ""
            click.echo(f"failed: {error}{hint}", err=True)
            return False
        return True

    def _target(self, path: Path, into: Path | None, is_video: bool) -> Path:
        from sharpstudy.runtime.pictures import picture_target
        from sharpstudy.runtime.video import video_target

        if self.output:
            return self.output
        if is_video:
            return video_target(path, "compare" if self.compare else "sharp", into)
        return picture_target(path, self.compare or "restored", into)

    def _picture(self, path: Path, target: Path, quality: int) -> None:
        from sharpstudy.runtime.pictures import sharpen_picture

        show = self.compare or "restored"
        click.echo(
            sharpen_picture(
                path, target, self.sharpener, show=show, quality=quality, overwrite=self.overwrite
            )
        )

    def _video(self, path: Path, target: Path, settings: Any) -> None:
        from sharpstudy.runtime.video import sharpen_video

        with _bar(path.name) as on_frame:
            report = sharpen_video(
                path,
                target,
                self.sharpener,
                settings,
                show="split" if self.compare else "restored",
                when_interrupted=self.when_interrupted,
                overwrite=self.overwrite,
                on_frame=on_frame,
            )
        click.echo(report)
        if report.ended == "interrupted":
            raise click.Abort


@contextmanager
def _bar(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar on stderr with frames a second and the time left, where someone is watching."""
    from tqdm import tqdm

    with tqdm(desc=label, unit=" frames", disable=not sys.stderr.isatty(), leave=False) as bar:

        def update(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield update


def _picture_suffixes() -> tuple[str, ...]:
    from sharpstudy.data.frames import FRAME_SUFFIXES

    return FRAME_SUFFIXES


def _video_suffixes() -> tuple[str, ...]:
    from sharpstudy.data.clips import CLIP_SUFFIXES
    from sharpstudy.runtime.video import VIDEO_SUFFIXES

    return (*CLIP_SUFFIXES, *VIDEO_SUFFIXES)
