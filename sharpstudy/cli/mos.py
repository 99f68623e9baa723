"""Commands for a study of picture quality with people: plan it, build it, show it, collect it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sharpstudy.cli.mos_analysis import analyse
from sharpstudy.terminal import table_text

_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FIXED = ("input", "unsharp", "teacher")


@click.group(short_help="A blind study of picture quality with people.")
def mos() -> None:
    """A blind study of picture quality, rated by people.

    In this order: `plan` says what it takes and what it can find, `build` makes the study of folders of
    restored pictures, `serve` or `page` puts it before raters, `collect` turns answers into ratings.csv,
    and `analyse` makes of them what raters said.
    """


def sizes(command: Any) -> Any:
    """The options that change a plan's size."""
    for option in (
        click.option("--sessions", type=click.IntRange(1), help="Only the plan's first sessions."),
        click.option("--raters", type=click.IntRange(1), help="Another number of raters than the plan's."),
        click.option(
            "--contents", type=click.IntRange(4), help="Another number of contents than the plan's."
        ),
        click.option(
            "--plan", "name", default="default", show_default=True, help="default, published or pilot."
        ),
    ):
        command = option(command)
    return command


@mos.command(short_help="What a study takes, and what it can find.")
@sizes
@click.option("--students", type=click.IntRange(1), default=1, show_default=True, help="Networks under test.")
@click.option("--effect", type=float, multiple=True, help="A difference on the scale to have the power for.")
@click.option("--seed", default=0, show_default=True, help="Of the simulated raters.")
def plan(
    name: str,
    contents: int | None,
    raters: int | None,
    sessions: int | None,
    students: int,
    effect: tuple[float, ...],
    seed: int,
) -> None:
    """Show what a study takes, and how likely it is to find a difference.

    Power is the share of simulated studies of that size in which the two-way t test finds a difference that
    is there; the raters are simulated after ITU-T P.910.
    """
    from sharpstudy.mos.bundle import with_size
    from sharpstudy.mos.dealing import deal_study
    from sharpstudy.mos.plans import find_plan
    from sharpstudy.mos.power import plan_table, session_minutes, stand_in_contents, stand_in_systems

    chosen = with_size(find_plan(name), contents, raters, sessions)
    table = plan_table(chosen, students, effect or (0.2, 0.3, 0.5), seed=seed)
    trials = deal_study(chosen, stand_in_contents(chosen.contents), stand_in_systems(students), seed)
    click.echo(f"{chosen.name}: {chosen.about}")
    kind = "a pilot: too small to find a difference of 0.2" if chosen.pilot else "a full study"
    click.echo(f"{chosen.raters} raters, {chosen.contents} contents; {kind}\n")
    powers = {column: f"{column[6:]} found" for column in table if column.startswith("power_")}
    shown = table.rename(columns={"a_rater": "contents a rater", "votes_each": "votes on each", **powers})
    for column in powers.values():
        shown[column] = [f"{power:.0%}" if power < 0.99 else "> 99%" for power in shown[column]]
    click.echo(table_text(shown.to_dict("records")))
    click.echo()
    for session in sorted(set(table["session"])):
        votes = sum(trial.session == session and trial.seat == 1 for trial in trials)
        minutes = session_minutes(votes)
        click.echo(
            f"session {session}: {votes} questions, practice and checks included, {minutes:.0f} minutes"
        )


@mos.command(short_help="Make a blind study of folders of pictures.")
@sizes
@click.option("--reference", type=_FOLDER, required=True, help="The untouched pictures, in category folders.")
@click.option("--systems", multiple=True, required=True, metavar="NAME=FOLDER", help="A system's pictures.")
@click.option(
    "--without", type=click.Choice(["unsharp", "teacher"]), multiple=True, help="Leave this one out."
)
@click.option("--categories", type=_FILE, help="A CSV with the columns frame and category.")
@click.option("--into", type=click.Path(path_type=Path), required=True, help="The new folder to write.")
@click.option(
    "--key", type=click.Path(path_type=Path, dir_okay=False), help="Default: INTO.key.json, beside it."
)
@click.option(
    "--crop", type=click.IntRange(64, 1024), help="The side of the square that is shown; default 256."
)
@click.option("--seed", default=1, show_default=True, help="The orders hang on it.")
@click.option("--title", default="How good are these pictures?", show_default=True, help="What raters read.")
def build(
    name: str,
    contents: int | None,
    raters: int | None,
    sessions: int | None,
    reference: Path,
    systems: tuple[str, ...],
    without: tuple[str, ...],
    categories: Path | None,
    into: Path,
    key: Path | None,
    crop: int | None,
    seed: int,
    title: str,
) -> None:
    """Make a blind study of folders of restored pictures.

    Pictures belong together by the stem of their file. The systems input, unsharp and teacher are what their
    names say, and needed; every other name is a student. Everything is checked before anything is written.
    The key holds what each picture is: raters must not get it, and nothing can be analysed without it.
    """
    from dataclasses import replace

    from sharpstudy.mos.bundle import build_bundle, with_size
    from sharpstudy.mos.pictures import find_scenes
    from sharpstudy.mos.plans import find_plan

    folders = {"reference": reference, **system_folders(systems, without)}
    chosen = with_size(find_plan(name), contents, raters, sessions)
    chosen = replace(chosen, crop=crop) if crop else chosen
    made = build_bundle(
        find_scenes(folders, categories),
        [_system(one) for one in folders],
        chosen,
        into,
        key or into.with_name(f"{into.name}.key.json"),
        seed=seed,
        title=title,
    )
    click.echo(f"{made.folder}: study {made.study}, {made.sessions} sessions, {chosen.raters} raters")
    click.echo(
        f"{made.pictures} pictures of {chosen.crop}x{chosen.crop} pixels, {made.picture_bytes / 1e6:.1f} MB"
    )
    click.echo(f"{made.key}: the key; keep it, and away from raters")
    if chosen.pilot:
        click.echo("A pilot: too small to find a difference of 0.2.")
    click.echo(f"\nNext: sharpstudy mos serve {into}, or sharpstudy mos page {into} --into FOLDER")


def system_folders(systems: tuple[str, ...], without: tuple[str, ...]) -> dict[str, Path]:
    """Folders by system; the input, unsharp and teacher must be there, or be left out in so many words."""
    folders: dict[str, Path] = {}
    for text in systems:
        name, equals, folder = text.partition("=")
        if not equals or not Path(folder).is_dir():
            raise click.UsageError(f"--systems {text}: expected NAME=FOLDER with a folder that is there.")
        if name in folders or name == "reference":
            raise click.UsageError(f"--systems {name}: that name is taken.")
        folders[name] = Path(folder)
    missing = [name for name in _FIXED if name not in folders and name not in without]
    if missing:
        hint = "" if missing == ["input"] else "; --without unsharp or --without teacher leaves one out"
        raise click.UsageError(f"--systems: {' and '.join(missing)} must be given{hint}.")
    if not set(folders) - set(_FIXED):
        raise click.UsageError("--systems: expected a student at least.")
    return folders


def _system(name: str) -> Any:
    from sharpstudy.mos.design import System

    return System(name, name if name in ("reference", *_FIXED) else "student")


@mos.command(short_help="Put a study before raters from here.")
@click.argument("bundle", type=_FOLDER)
@click.option(
    "--database", type=click.Path(path_type=Path, dir_okay=False), help="Default: BUNDLE.votes.sqlite."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 lets the network in.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="0 takes a free one."
)
def serve(bundle: Path, database: Path | None, host: str, port: int) -> None:
    """Put a study before raters from this computer, and store their votes.

    Every vote is on the disk before the page hears that it has arrived, so that the server can be stopped and
    started at any time. It listens to this computer alone unless --host says otherwise, without encryption.
    """
    from sharpstudy.mos.server import open_server

    database = database or bundle.resolve().with_name(f"{bundle.resolve().name}.votes.sqlite")
    server = open_server(bundle, database, host, port)
    address = f"http://{server.server_address[0]}:{server.server_address[1]}/"
    raters, votes = server.store.counts()
    click.echo(f"{address}  ({votes} votes of {raters} raters so far, in {database}; Ctrl+C ends)")
    if host not in ("127.0.0.1", "::1", "localhost"):
        click.echo("Anyone who reaches this computer can take part; answers travel unencrypted.", err=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo()
    finally:
        server.server_close()
        raters, votes = server.store.counts()
        server.store.close()
    click.echo(f"{votes} votes of {raters} raters are in {database}")


@mos.command(short_help="Write a study as pages to pass around.")
@click.argument("bundle", type=_FOLDER)
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder.")
def page(bundle: Path, into: Path) -> None:
    """Write a study as pages that need no server.

    Each is one file of 40 MB at most with everything in it, and asks the network for nothing. Answers stay in
    the rater's browser and are handed over as a file at the end.
    """
    from sharpstudy.mos.pages import write_pages

    for path in write_pages(bundle, into):
        click.echo(f"{path}  {path.stat().st_size / 1e6:.1f} MB")
    click.echo(
        "\nGive every rater a number of their own: the page's address with #seat=1, #seat=2 ... after it."
    )


@mos.command(short_help="Turn answers into ratings.csv.")
@click.argument("answers", nargs=-1, required=True, type=_FILE)
@click.option("--key", type=_FILE, required=True, help="The key that was written beside the study.")
@click.option("--source", type=click.Choice(["human", "simulated"]), required=True, help="Who answered.")
@click.option(
    "--into", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The CSV to write."
)
def collect(answers: tuple[Path, ...], key: Path, source: str, into: Path) -> None:
    """Turn ANSWERS (the server's database, files that raters handed over) into ratings.csv.

    What cannot count is named and left out; the exit code is then 1. Sessions that a program drove are marked
    as simulated.
    """
    from sharpstudy.mos.collect import collect as collect_answers
    from sharpstudy.mos.collect import read_key, write_ratings

    collected = collect_answers(read_key(key), answers, source)
    for problem in collected.problems:
        click.echo(problem, err=True)
    write_ratings(into, collected)
    click.echo(f"{into}: {len(collected.rows)} ratings of {collected.raters} raters")
    if collected.problems:
        raise SystemExit(1)


mos.add_command(analyse)
