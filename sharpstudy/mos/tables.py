"""The tables of an analysis: stimuli, systems, comparisons, scale, agreement, for an arm and criterion."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sharpstudy.mos.agreement import intraclass, krippendorff_alpha
from sharpstudy.mos.comparisons import compare_systems
from sharpstudy.mos.estimates import by_stimulus, fit_raters, sos_a, two_way
from sharpstudy.mos.pairs import NoScaleError, scale_table
from sharpstudy.mos.plans import FEWEST_CONTENTS, FEWEST_RATERS
from sharpstudy.mos.votes import REFERENCE, Pair, Votes, all_ratings


def stimulus_table(votes: Votes) -> pd.DataFrame:
    """One row per stimulus: n, MOS, deviation, t interval, the rater model's psi, and DMOS of pictures alone.

    DMOS is the mean of each rater's difference from the own vote on the hidden reference, plus 5 (P.910
    ACR-HR), with the t interval of these differences.
    """
    values, sides, places = votes.flat()
    spread, model = by_stimulus(values), fit_raters(values, sides)
    table = pd.DataFrame([_names(votes, content, condition) for content, condition in places])
    table = table.assign(n=spread.n, mos=spread.mean, deviation=spread.deviation)
    table = table.assign(low=spread.low, high=spread.high)
    table = table.assign(psi=model.psi, psi_low=model.low, psi_high=model.high)
    if REFERENCE in votes.conditions and sides is None:
        gaps = votes.values - votes.of(REFERENCE)[:, :, None] + 5
        found = by_stimulus(np.stack([gaps[:, content, condition] for content, condition in places], axis=1))
        own = (table["system"] == REFERENCE).to_numpy()
        for name, part in (("dmos", found.mean), ("dmos_low", found.low), ("dmos_high", found.high)):
            table[name] = np.where(own, np.nan, part)
    return table


def _names(votes: Votes, content: int, condition: int) -> dict[str, str]:
    named = votes.conditions[condition]
    names = named._asdict() if isinstance(named, Pair) else {"system": named}
    return {"content": votes.contents[content], "category": votes.categories[content], **names}


def system_table(votes: Votes) -> pd.DataFrame:
    """One row per system and category ("all" first): MOS and DMOS with two-way intervals; pictures alone."""
    rows = []
    for category in _categories(votes):
        where = votes.within(category)
        for system in votes.conditions:
            found = two_way(votes.of(system)[:, where])
            if not found.votes:
                continue
            row = {"system": system, "category": category, "mos": found.mean, "low": found.low}
            row |= {"high": found.high, **_against_reference(votes, system, where)}
            row |= {"raters": found.raters, "contents": found.contents, "votes": found.votes}
            rows.append({**row, "pilot": pilot_word(found.raters, found.contents)})
    return pd.DataFrame(rows)


def _against_reference(votes: Votes, system: str, where: np.ndarray) -> dict[str, float]:
    if REFERENCE not in votes.conditions or system == REFERENCE:
        return {"dmos": np.nan, "dmos_low": np.nan, "dmos_high": np.nan}
    found = two_way((votes.of(system) - votes.of(REFERENCE))[:, where] + 5)
    return {"dmos": found.mean, "dmos_low": found.low, "dmos_high": found.high}


def comparison_table(votes: Votes) -> pd.DataFrame:
    """The pairs of systems over all contents, then by category; without the family's adjustment."""
    parts = [compare_systems(votes, category) for category in _categories(votes)]
    table = pd.concat(parts, ignore_index=True)
    sizes = zip(table["raters"], table["contents"], strict=True)
    return table.assign(pilot=[pilot_word(*size) for size in sizes])


def bradley_terry_table(votes: Votes, seed: int) -> tuple[pd.DataFrame, str]:
    """The scale of the systems, or an empty table and the reason why there is none."""
    try:
        return scale_table(votes, seed), ""
    except NoScaleError as error:
        return pd.DataFrame(), str(error)


def agreement_row(votes: Votes) -> dict[str, float]:
    """Krippendorff's alpha (ordinal), ICC(A,1), ICC(A,k) with intervals, and SOS a of pictures alone."""
    values, sides, _ = votes.flat()
    found, spread = intraclass(values), by_stimulus(values)
    return {
        "alpha": krippendorff_alpha(values),
        "icc_a1": found.single,
        "icc_a1_low": found.single_low,
        "icc_a1_high": found.single_high,
        "icc_ak": found.mean,
        "icc_ak_low": found.mean_low,
        "icc_ak_high": found.mean_high,
        "raters_each": found.raters,
        "stimuli": found.stimuli,
        "sos_a": sos_a(spread.mean, spread.deviation) if sides is None else np.nan,
    }


def rater_model_table(rows: pd.DataFrame, arm: str, raters: list[str]) -> pd.DataFrame:
    """Each rater's bias and inconsistency by the model of P.910, over all criteria of the arm."""
    values, sides, _ = all_ratings(rows, arm, raters)
    voted = ~np.isnan(values).all(axis=1)
    bias, inconsistency = np.full(len(raters), np.nan), np.full(len(raters), np.nan)
    if values.shape[1]:
        model = fit_raters(values[voted], None if sides is None else sides[voted])
        bias[voted], inconsistency[voted] = model.bias, model.inconsistency
    return pd.DataFrame({"rater": raters, "bias": bias, "inconsistency": inconsistency})


def pilot_word(raters: int, contents: int) -> str:
    """Whether so few raters or contents make a pilot: yes or no."""
    return "yes" if raters < FEWEST_RATERS or contents < FEWEST_CONTENTS else "no"


def _categories(votes: Votes) -> list[str]:
    """The word all, then each category that is named, where there is more than one."""
    found = sorted({name for name in votes.categories if name})
    return ["all", *(found if len(found) > 1 else [])]
