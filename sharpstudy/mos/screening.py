"""Which raters answered with care: every check reported, each exclusion with its reasons."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sharpstudy.mos.standards import bt500, p913
from sharpstudy.mos.votes import REFERENCE, all_ratings, oriented

LEAST_CORRELATION = 0.60
FEWEST_SHARED = 5  # golds and anchors shared with others, below which a correlation says nothing
GOLDS_A_MISS = 8  # one miss is forgiven for every so many golds and traps
SAME_SHARE, FEWEST_SAME = 0.95, 20
IDENTICAL_APART = 2  # on the comparison scale, "better" for a picture beside itself
FEWEST_REPEATS = 5
GUESSED = {"acr": 24 / 15, "ccr": 48 / 21, "pair": 1.0}
"""Mean distance of two independent, evenly spread answers: repeats no closer than that are guesses."""


def screen_raters(rows: pd.DataFrame, arm: str) -> pd.DataFrame:
    """One row per rater of an arm with every check, `excluded` (yes, no) and the reasons in words.

    Excluded is who missed more than one in eight golds and traps (and more than one), called a picture
    better than itself each time, gave one answer nearly always, repeated no closer than by guessing, or, the
    worst first, correlates below .60 with all others on golds and anchors. bt500 and p913 are what ITU-R
    BT.500 and ITU-T P.913 would do, shown only: BT.500 overlooks most random and all constant raters.
    """
    chosen = rows[(rows["arm"] == arm) & (rows["role"] != "training")]
    names = sorted(set(chosen["rater"].astype(str)))
    table = pd.DataFrame({"arm": arm, "rater": names}).set_index("rater")
    table["votes"] = _count(chosen[chosen["role"] == "rating"], names)
    for part in (_golds(chosen), _traps(chosen), _identical(chosen), _sameness(chosen), _repeats(chosen)):
        table = table.join(part)
    counted = [
        "golds",
        "gold_misses",
        "traps",
        "trap_misses",
        "identical_pairs",
        "identical_apart",
        "repeats",
    ]
    table[counted] = table[counted].fillna(0).astype(int)
    reasons = _reasons(table, arm)
    kept = [name for name in names if not reasons[name]]
    table["correlation"], dropped = leave_one_out(*_shared(chosen, arm), names, kept)
    for name in dropped:
        said = f"correlation {dropped[name]:.2f} with the others on golds and anchors"
        reasons[name].append(said)
    table["excluded"] = ["yes" if reasons[name] else "no" for name in names]
    table["reasons"] = ["; ".join(reasons[name]) for name in names]
    return _with_standards(table, rows, arm).reset_index()


def _reasons(table: pd.DataFrame, arm: str) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for row in table.itertuples():
        checks, misses = row.golds + row.traps, row.gold_misses + row.trap_misses
        found = []
        if misses > max(1, checks // GOLDS_A_MISS):
            found.append(f"{misses} of {checks} golds and traps missed")
        if row.identical_pairs >= 2 and row.identical_apart == row.identical_pairs:
            found.append(f"all {row.identical_pairs} identical pairs called different")
        if row.answers >= FEWEST_SAME and row.same_share >= SAME_SHARE:
            found.append(f"one answer in {row.same_share:.0%} of {row.answers} trials")
        if row.repeats >= FEWEST_REPEATS and row.repeat_distance >= GUESSED[arm]:
            found.append(f"{row.repeats} repeats {row.repeat_distance:.1f} apart, as by guessing")
        reasons[row.Index] = found
    return reasons


def _count(rows: pd.DataFrame, names: list[str]) -> pd.Series:
    return rows["rater"].astype(str).value_counts().reindex(names, fill_value=0)


def _tally(rows: pd.DataFrame, hit: np.ndarray, names: tuple[str, str]) -> pd.DataFrame:
    """Per rater the number of rows and of hits, under the two names."""
    rater = rows["rater"].astype(str).to_numpy()
    counted = pd.DataFrame({"rater": rater, "hit": hit}).groupby("rater")["hit"].agg(["size", "sum"])
    return counted.astype(int).set_axis(list(names), axis=1)


def _golds(rows: pd.DataFrame) -> pd.DataFrame:
    """Golds and those missed: the reference must win a pair, and alone each must not be on the wrong side."""
    golds = rows[rows["role"] == "gold"]
    left = (golds["system_left"].astype(str) == REFERENCE).to_numpy()
    right = (golds["system_right"].astype(str) == REFERENCE).to_numpy()
    score = golds["score"].to_numpy(float)
    alone = (golds["arm"] == "acr").to_numpy()
    wrong_alone = np.where(left, score < 3, score > 3)
    wrong_pair = score * (right.astype(int) - left.astype(int)) <= 0
    return _tally(golds, np.where(alone, wrong_alone, wrong_pair), ("golds", "gold_misses"))


def _traps(rows: pd.DataFrame) -> pd.DataFrame:
    """Pictures that tell the answer, which their system's name ends in after a colon, and wrong answers."""
    traps = rows[rows["role"] == "trap"]
    asked = [_asked(str(name)) for name in traps["system_left"]]
    return _tally(traps, traps["score"].to_numpy(float) != np.array(asked, float), ("traps", "trap_misses"))


def _asked(name: str) -> float:
    _, _, answer = name.rpartition(":")
    try:
        return float(answer)
    except ValueError:
        raise ValueError(f"trap {name!r}: expected a name that ends in the answer, such as trap:+2") from None


def _identical(rows: pd.DataFrame) -> pd.DataFrame:
    same = rows[rows["role"] == "identical"]
    apart = same["score"].abs().to_numpy() >= IDENTICAL_APART
    return _tally(same, apart, ("identical_pairs", "identical_apart"))


def _sameness(rows: pd.DataFrame) -> pd.DataFrame:
    """How many answers a rater gave, and the share of the commonest, as it was pressed."""
    counts = pd.crosstab(rows["rater"].astype(str), rows["score"])
    total = counts.sum(axis=1)
    return pd.DataFrame({"answers": total, "same_share": counts.max(axis=1) / total})


def _repeats(rows: pd.DataFrame) -> pd.DataFrame:
    """How many trials were asked twice, and the mean distance of the two answers."""
    chosen = rows[rows["role"].isin(["rating", "repeat"])]
    again = chosen[chosen["role"] == "repeat"]
    if again.empty:
        empty = pd.DataFrame({"repeats": [], "repeat_distance": []}, dtype=float)
        return empty.set_axis(pd.Index([], dtype=str), axis=0)
    first = chosen[(chosen["role"] == "rating") & chosen["stimulus"].isin(set(again["stimulus"]))]
    key = ["rater", "criterion", "stimulus", "condition"]
    both = _keyed(again)[[*key, "value"]].merge(_keyed(first)[[*key, "value"]], on=key)
    distance = (both["value_x"] - both["value_y"]).abs().groupby(both["rater"]).agg(["size", "mean"])
    return distance.set_axis(["repeats", "repeat_distance"], axis=1)


def _keyed(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows as plain text with the condition shown and the score in its direction."""
    names = ["rater", "criterion", "stimulus", "system_left", "system_right"]
    table = rows[names].astype(str)
    values = []
    conditions = []
    for left, right, score in zip(
        table["system_left"], table["system_right"], rows["score"].astype(float), strict=True
    ):
        pair = oriented(left, right) if right else (left, "")
        conditions.append("|".join(pair))
        values.append(score if not right or pair[0] == right else -score)
    return table.assign(condition=conditions, value=values)


def _shared(rows: pd.DataFrame, arm: str) -> tuple[np.ndarray, list[str], str]:
    """Answers on golds and anchors as (rater, item) with the raters' names, and the arm."""
    table = _keyed(rows[rows["role"].isin(["gold", "anchor"])])
    wide = table.pivot_table(
        index="rater", columns=["criterion", "stimulus", "condition"], values="value", aggfunc="mean"
    )
    return wide.to_numpy(float), list(map(str, wide.index)), arm


def leave_one_out(
    answers: np.ndarray, raters: list[str], arm: str, names: list[str], start: list[str]
) -> tuple[list[float], dict[str, float]]:
    """Each rater's correlation with the mean of the kept others, and those dropped for it, worst first.

    Pearson for pictures alone; about zero for pairs, since which of two systems counts as the first is
    arbitrary. Who has no correlation because all answers are the same has 0. NaN below five shared items.
    """
    kept = np.isin(raters, start)
    dropped: dict[str, float] = {}
    while True:
        found = _correlations(answers, kept, about_zero=arm != "acr")
        failing = kept & (found < LEAST_CORRELATION)
        if not failing.any():
            break
        worst = int(np.argmin(np.where(failing, found, np.inf)))
        dropped[raters[worst]] = float(found[worst])
        kept = kept & (np.arange(len(raters)) != worst)
    final = {**dict(zip(raters, found.tolist(), strict=True)), **dropped}
    return [final.get(name, np.nan) for name in names], dropped


def _correlations(answers: np.ndarray, kept: np.ndarray, about_zero: bool) -> np.ndarray:
    """Each rater's correlation with the mean of the kept others, over the items that both answered."""
    there = ~np.isnan(answers)
    filled, mine = np.where(there, answers, 0), there & kept[:, None]
    count = mine.sum(axis=0) - mine
    others = (np.where(mine, filled, 0).sum(axis=0) - np.where(mine, filled, 0)) / np.maximum(count, 1)
    shared = there & (count > 0)
    own, other = np.where(shared, filled, 0), np.where(shared, others, 0)
    n = shared.sum(axis=1, keepdims=True)
    if not about_zero:
        own = np.where(shared, own - own.sum(axis=1, keepdims=True) / np.maximum(n, 1), 0)
        other = np.where(shared, other - other.sum(axis=1, keepdims=True) / np.maximum(n, 1), 0)
    size = np.sqrt((own**2).sum(axis=1) * (other**2).sum(axis=1))
    found = np.divide((own * other).sum(axis=1), size, out=np.zeros(len(answers)), where=size > 1e-12)
    return np.where(n[:, 0] >= FEWEST_SHARED, found, np.nan)


def _with_standards(table: pd.DataFrame, rows: pd.DataFrame, arm: str) -> pd.DataFrame:
    """The table with what BT.500 and P.913 would do, over all criteria of the arm together."""
    ratings = rows[(rows["arm"] == arm) & (rows["role"] == "rating")]
    values, _, conditions = all_ratings(ratings, arm, list(table.index))
    by_bt500, by_p913 = bt500(values), p913(values, conditions)
    return table.assign(
        bt500_high=by_bt500.high,
        bt500_low=by_bt500.low,
        bt500=np.where(by_bt500.rejected, "would reject", "keeps"),
        p913_r1=by_p913.by_stimulus,
        p913_r2=by_p913.by_condition,
        p913=np.where(by_p913.rejected, "would reject", "keeps"),
    )
