"""The whole analysis of a study's ratings, with and without the raters who were screened out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from sharpstudy.data.frames import write_bytes
from sharpstudy.mos import tables
from sharpstudy.mos.against_metrics import against_metrics, join_scores
from sharpstudy.mos.comparisons import with_verdicts
from sharpstudy.mos.ingest import SCORES, Ratings
from sharpstudy.mos.screening import screen_raters
from sharpstudy.mos.votes import Votes, collect_votes

Screening = Literal["kept raters", "all raters"]
TABLES = (
    "raters",
    "stimuli",
    "systems",
    "comparisons",
    "scale",
    "agreement",
    "metrics",
    "refused",
    "rejected",
    "warnings",
)
KEYS = ["source", "screening", "arm", "criterion"]
PUBLISHED_CRITERIA = {
    "overall sharpness": "sharpness",
    "edge clarity": "edge clarity",
    "text readability": "readability",
    "natural appearance": "naturalness",
}
PUBLISHED_CATEGORIES = {"games": "graphics"}


@dataclass(frozen=True, eq=False)
class Analysis:
    """The tables of one study, each row with its source; results stand twice, by `screening`.

    refused says which Bradley-Terry scales do not exist and why; the other names speak for themselves.
    """

    source: str
    raters: pd.DataFrame
    stimuli: pd.DataFrame
    systems: pd.DataFrame
    comparisons: pd.DataFrame
    scale: pd.DataFrame
    agreement: pd.DataFrame
    metrics: pd.DataFrame
    refused: pd.DataFrame
    rejected: pd.DataFrame
    warnings: pd.DataFrame


def analyse(
    ratings: Ratings,
    scores: pd.DataFrame | None = None,
    names: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Analysis:
    """Everything that the ratings say. They must be of one source: people and simulations are never pooled.

    `scores` holds metrics of the same stimuli (see join_scores); `seed` is the bootstrap's.
    """
    source = only_source(ratings.rows)
    rows = ratings.rows
    arms = [arm for arm in SCORES if ((rows["arm"] == arm) & (rows["role"] == "rating")).any()]
    if not arms:
        raise ValueError("role: expected ratings, got only training and checks")
    raters = pd.concat([_raters(rows, arm) for arm in arms], ignore_index=True)
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for arm in arms:
        out = raters.loc[(raters["arm"] == arm) & (raters["excluded"] == "yes"), "rater"]
        chosen = rows[(rows["arm"] == arm) & (rows["role"] == "rating")]
        for criterion in sorted(set(chosen["criterion"].astype(str))):
            votes = collect_votes(rows, arm, criterion)
            for screening, some in (("kept raters", votes.without(list(out))), ("all raters", votes)):
                if some.raters:
                    keys = dict(zip(KEYS, (source, screening, arm, criterion), strict=True))
                    _add(parts, some, keys, seed)
    made = {name: _joined(each) for name, each in parts.items()}
    if made["systems"].empty:
        made["systems"] = pd.DataFrame(columns=[*KEYS, "system", "category", "mos", "low", "high"])
    made["comparisons"] = _families(made["comparisons"])
    made["metrics"] = _metrics(made["stimuli"], scores, names, seed)
    made["raters"] = raters.assign(source=source)
    made["rejected"], made["warnings"] = (
        table.assign(source=source) for table in (ratings.rejected, ratings.warnings)
    )
    return Analysis(source, **made)


def only_source(table: pd.DataFrame) -> str:
    """The one source of all rows; a ValueError for none or several."""
    if "source" not in table:
        raise ValueError("source: expected a column that says who voted (human, simulated, published)")
    found = table["source"].astype(str).value_counts()
    if len(found) != 1:
        counts = ", ".join(f"{count} {name}" for name, count in found.items()) or "no rows"
        raise ValueError(f"source: expected ratings of one source, got {counts}; choose one")
    return str(found.index[0])


def findings(table: pd.DataFrame) -> pd.DataFrame:
    """The table, once it is known to hold what people said and nothing else.

    Whatever goes into metrics.json, the README or the report's findings passes through here.
    """
    if len(table) and only_source(table) != "human":
        raise ValueError(
            f"findings: expected rows of source human, got {only_source(table)}; such rows are no finding"
        )
    if "source" not in table:
        raise ValueError("findings: expected a column source")
    return table


def published_table(figures: Iterable[tuple[str, str, float]]) -> pd.DataFrame:
    """Published mean scores, from (recipe, where, value), in the columns of the systems' table.

    Their votes are not public, so they have no interval. Scores by category are of no stated criterion.
    """
    rows = []
    for recipe, where, value in figures:
        criterion = PUBLISHED_CRITERIA.get(where, "not stated")
        category = "all" if where in PUBLISHED_CRITERIA else PUBLISHED_CATEGORIES.get(where, where)
        rows.append(("published", "not re-run", "acr", criterion, recipe, category, value, np.nan, np.nan))
    return pd.DataFrame(rows, columns=[*KEYS, "system", "category", "mos", "low", "high"])


def write_tables(analysis: Analysis, folder: Path) -> list[Path]:
    """The files written: one CSV per table that has rows, figures with six digits after the point.

    A table without rows is left out, and a file of that name from an earlier run is removed.
    """
    written = []
    for name in TABLES:
        path, table = folder / f"{name}.csv", getattr(analysis, name)
        if len(table):
            write_bytes(path, table.round(6).to_csv(index=False, lineterminator="\n").encode("utf-8"))
            written.append(path)
        else:
            path.unlink(missing_ok=True)
    return written


def _raters(rows: pd.DataFrame, arm: str) -> pd.DataFrame:
    screened = screen_raters(rows, arm)
    model = tables.rater_model_table(rows, arm, list(screened["rater"]))
    return screened.merge(model, on="rater")


def _add(parts: dict[str, list[pd.DataFrame]], votes: Votes, keys: dict[str, str], seed: int) -> None:
    """Add one criterion's tables to those of the others."""

    def keyed(table: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([pd.DataFrame([keys] * len(table), index=table.index), table], axis=1)

    parts["stimuli"].append(keyed(tables.stimulus_table(votes)))
    parts["comparisons"].append(keyed(tables.comparison_table(votes)))
    parts["agreement"].append(keyed(pd.DataFrame([tables.agreement_row(votes)])))
    if votes.sides is None:
        parts["systems"].append(keyed(tables.system_table(votes)))
        return
    scale, reason = tables.bradley_terry_table(votes, seed)
    parts["scale"].append(keyed(scale))
    if reason:
        parts["refused"].append(keyed(pd.DataFrame([{"reason": reason}])))


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=KEYS)


def _families(table: pd.DataFrame) -> pd.DataFrame:
    """Verdicts after Holm: one family per arm of all pairs and criteria, and another of them by category."""
    if table.empty:
        return table
    family = np.where(table["category"] == "all", "main", "by category")
    table = table.assign(family=family)
    parts = [part for _, part in table.groupby(["screening", "arm", "family"], sort=False)]
    return pd.concat([with_verdicts(part) for part in parts]).sort_index()


def _metrics(
    stimuli: pd.DataFrame, scores: pd.DataFrame | None, names: Mapping[str, str] | None, seed: int
) -> pd.DataFrame:
    """The MOS of pictures alone against metrics, with and without screening."""
    if scores is None or stimuli.empty or not (stimuli["arm"] == "acr").any():
        return pd.DataFrame(columns=KEYS)
    alone = stimuli[stimuli["arm"] == "acr"]
    parts = []
    for screening, part in alone.groupby("screening", sort=False):
        found = against_metrics(join_scores(part, scores, names), seed)
        source = part["source"].iloc[0]
        parts.append(found.assign(source=source, screening=screening, arm="acr"))
    table = pd.concat(parts, ignore_index=True)
    return table[[*KEYS, *(name for name in table if name not in KEYS)]]
