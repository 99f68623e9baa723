"""Does the analysis find what was planted: coverage, false alarms, raters' habits, bad raters, ranking."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from sharpstudy.mos.estimates import by_stimulus, two_way
from sharpstudy.mos.simulate import BIAS_VARIANCE, INCONSISTENCY, Truth, expected_vote

LEVEL, CONTENT_DEVIATION, MIXED_DEVIATION = 0.95, 0.40, 0.25
QUALITY, REFERENCE_QUALITY = 3.5, 4.2


def coverage_table(raters: int = 24, contents: int = 40, repeats: int = 400, seed: int = 1) -> pd.DataFrame:
    """How often intervals hold the planted value, and how often a difference is found where none is.

    Columns: what, wanted, share, low, high (Clopper and Pearson, 95 %), repeats. Every repeat has new raters
    and contents, with rounded and clipped votes; the planted value is the mean vote of all such raters. The
    interval from all votes pooled, which is not offered anywhere, stands for comparison.
    """
    counts: dict[str, list[int]] = {}
    rng = np.random.default_rng([seed, raters, contents])
    wide = np.sqrt(BIAS_VARIANCE + INCONSISTENCY**2)
    widest = np.sqrt(wide**2 + CONTENT_DEVIATION**2 + MIXED_DEVIATION**2)
    everywhere = float(expected_vote(QUALITY, 0.0, widest))
    for _ in range(repeats):
        psi, votes = _draw(rng, raters, contents)
        system = two_way(votes[0])
        true = [expected_vote(one, 0.0, wide) for one in psi]
        spread = by_stimulus(votes[0])
        own = by_stimulus(votes[0] - votes[2])
        pooled = 1.96 * votes[0].std(ddof=1) / np.sqrt(votes[0].size)
        for what, hits in (
            ("MOS of a system, two-way", [system.low <= everywhere <= system.high]),
            ("MOS of a stimulus, t", (spread.low <= true[0]) & (true[0] <= spread.high)),
            ("DMOS of a stimulus, t", (own.low <= true[0] - true[2]) & (true[0] - true[2] <= own.high)),
            ("MOS of a system, votes pooled (not offered)", [abs(votes[0].mean() - everywhere) <= pooled]),
            ("false alarm, two systems alike", [two_way(votes[0] - votes[1]).p_value <= 1 - LEVEL]),
        ):
            counts.setdefault(what, [0, 0])
            counts[what][0] += int(np.sum(hits))
            counts[what][1] += len(hits)
    return pd.DataFrame([_share(what, *count, repeats) for what, count in counts.items()])


def _draw(rng: np.random.Generator, raters: int, contents: int) -> tuple[np.ndarray, np.ndarray]:
    """Quality (3, content) and votes (3, rater, content) of two systems alike and a better reference."""
    level = CONTENT_DEVIATION * rng.standard_normal(contents)
    means = np.array([QUALITY, QUALITY, REFERENCE_QUALITY])[:, None]
    psi = means + level + MIXED_DEVIATION * rng.standard_normal((3, contents))
    bias = np.sqrt(BIAS_VARIANCE) * rng.standard_normal((raters, 1))
    noise = INCONSISTENCY * rng.standard_normal((3, raters, contents))
    return psi, np.clip(np.rint(psi[:, None, :] + bias + noise), 1, 5)


def _share(what: str, hits: int, count: int, repeats: int) -> dict[str, object]:
    wanted = "at most .06" if what.startswith("false") else ".93 to .97"
    wanted = "far below" if "pooled" in what else wanted
    low, high = stats.binomtest(hits, count).proportion_ci(LEVEL)
    if count > repeats:  # stimuli of one repeat share their raters, so the count would promise too much
        low = high = np.nan
    row = {"what": what, "wanted": wanted, "share": hits / count, "low": low, "high": high}
    return {**row, "repeats": repeats, "source": "simulated"}


def rater_recovery(truth: Truth, raters: pd.DataFrame, arm: str = "acr") -> pd.DataFrame:
    """One row per rater of an arm: what was planted beside what was found.

    For pictures alone, biases are taken from the mean of the kept raters, since only differences show.
    """
    found = raters[raters["arm"] == arm].merge(truth.raters, on="rater", suffixes=("", "_planted"))
    if arm == "acr":
        kept = (found["excluded"] == "no") if (found["excluded"] == "no").any() else np.ones(len(found), bool)
        for name in ("bias", "bias_planted"):
            found[name] = found[name] - found.loc[kept, name].mean()
    columns = ["rater", "arm", "kind", "excluded", "reasons", "bias_planted", "bias"]
    return found[[*columns, "inconsistency_planted", "inconsistency", "source"]]


def screening_recovery(recovered: pd.DataFrame) -> pd.DataFrame:
    """How many raters of each planted kind were excluded."""
    counted = recovered.assign(out=recovered["excluded"] == "yes").groupby(["source", "arm", "kind"])["out"]
    return counted.agg(raters="size", excluded="sum").reset_index()


def ranking_recovery(truth: Truth, systems: pd.DataFrame) -> pd.DataFrame:
    """The systems with planted and found quality, best planted first, by criterion and screening."""
    rows = []
    for row in systems[systems["category"] == "all"].itertuples():
        criterion = truth.simulation.criteria.index(row.criterion)
        planted = truth.quality[criterion, :, truth.systems.index(row.system)].mean()
        found = (row.system, planted, row.mos, row.low, row.high)
        rows.append((row.source, row.screening, row.criterion, *found))
    names = ["source", "screening", "criterion", "system", "planted", "mos", "low", "high"]
    table = pd.DataFrame(rows, columns=names)
    by = ["screening", "criterion"]
    ranks = table.groupby(by)[["planted", "mos"]].rank(ascending=False).astype(int)
    table = table.assign(planted_rank=ranks["planted"], rank=ranks["mos"])
    return table.sort_values([*by, "planted_rank"], ignore_index=True)
