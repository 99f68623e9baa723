"""Commands for pictures: fetch them, see what the study makes of them, degrade them."""

from __future__ import annotations

from pathlib import Path

import click

from sharpstudy.terminal import progress, report_skipped


@click.command(short_help="Fetch data sets and published weights.")
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


@click.command(short_help="Show what the study makes of your pictures.")
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


@click.command(short_help="Make of pictures what a video call delivers.")
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
        if len(targets) == 1:
            click.echo(targets[path])
    if len(targets) > 1:
        click.echo(f"{len(targets) - len(batch.skipped)} of {len(targets)} pictures degraded by {name}")
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
