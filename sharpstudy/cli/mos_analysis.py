"""The command that turns ratings into mean opinion scores, comparisons and their intervals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pandas as pd

    from sharpstudy.mos.analysis import Analysis

MOST_NAMED = 20
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(short_help="Analyse ratings.")
@click.argument("ratings", type=_FILE)
@click.option("--key", type=_FILE, help="The key of the study: every row is held against it.")
@click.option("--scores", type=_FILE, help="A scores.csv of the same pictures, for MOS against metrics.")
@click.option("--degradation", help="Of the scores, those of this degradation.")
@click.option("--source", type=click.Choice(["human", "simulated", "published"]), help="Only these votes.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder.")
@click.option("--seed", default=0, show_default=True, help="Of the bootstraps.")
def analyse(
    ratings: Path,
    key: Path | None,
    scores: Path | None,
    degradation: str | None,
    source: str | None,
    into: Path,
    seed: int,
) -> None:
    """Analyse RATINGS (ratings.csv, or the server's database with --key) into tables.

    Raters are screened; every result stands with and without those who were left out, and who was left
    out and why is in raters.csv. Rows that cannot count are named, and the exit code is then 1.
    """
    from sharpstudy.mos.analysis import analyse as analyse_ratings
    from sharpstudy.mos.analysis import write_tables
    from sharpstudy.mos.reading import load_ratings

    loaded = load_ratings(ratings, key)
    chosen = loaded.of_source(source) if source else loaded
    if chosen.rows.empty:
        _name_rejected(loaded.rejected)
        kind = f"{source} ratings" if source else "ratings"
        raise click.ClickException(f"{ratings}: there are no {kind} in it")
    analysis = analyse_ratings(chosen, _scores(scores, degradation), seed=seed)
    written = write_tables(analysis, into)
    if analysis.source != "human":
        click.echo(f"These votes are {analysis.source}: nothing here was said by people.\n")
    click.echo(_summary(analysis))
    click.echo(f"\n{into}: {', '.join(path.name for path in written)}")
    _name_rejected(loaded.rejected)


def _scores(path: Path | None, degradation: str | None) -> pd.DataFrame | None:
    if path is None:
        return None
    import pandas as pd

    table = pd.read_csv(path)
    return table[table["degradation"] == degradation] if degradation else table


def _summary(analysis: Analysis) -> str:
    """Who voted, who was left out and why, and the comparisons in words."""
    lines = [f"{analysis.raters['rater'].nunique()} raters"]
    for row in analysis.raters[analysis.raters["excluded"] == "yes"].itertuples():
        lines.append(f"left out of {row.arm}: {row.rater}, {row.reasons}")
    chosen = analysis.comparisons[analysis.comparisons["screening"] == "kept raters"]
    for row in chosen[chosen["category"] == "all"].itertuples():
        lines.append(
            f"{row.arm}, {row.criterion}: {row.system} against {row.baseline}: {row.verdict}, "
            f"{row.effect:+.2f} [{row.low:+.2f}, {row.high:+.2f}]"
            + (" (pilot)" if row.pilot == "yes" else "")
        )
    lines += [f"{row.arm}, {row.criterion}: {row.reason}" for row in analysis.refused.itertuples()]
    return "\n".join(lines)


def _name_rejected(rejected: pd.DataFrame) -> None:
    """Name the rows that did not count, and end with 1 when there are some."""
    for row in rejected.head(MOST_NAMED).itertuples():
        where = f"line {row.line}: " if row.line else ""
        click.echo(f"rejected {where}{row.reason}", err=True)
    if len(rejected) > MOST_NAMED:
        click.echo(f"... and {len(rejected) - MOST_NAMED} more, all in rejected.csv", err=True)
    if len(rejected):
        raise SystemExit(1)
