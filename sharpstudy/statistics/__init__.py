"""Scores into paired verdicts with intervals; NumPy, SciPy and pandas alone."""

from sharpstudy.statistics.estimates import Equivalence, Estimate, equivalent, estimate
from sharpstudy.statistics.families import Comparison, comparisons, verdict_table
from sharpstudy.statistics.pairing import DIRECTIONS, PSNR_CAP, SMALLEST_EFFECTS, Units, collect_units
from sharpstudy.statistics.resampling import (
    RESAMPLES,
    Resampled,
    equivalence_p,
    holm,
    resample,
    resample_seeds,
    resample_weights,
)
from sharpstudy.statistics.verdicts import Verdict, compare, compare_seeds

__all__ = [
    "DIRECTIONS",
    "PSNR_CAP",
    "RESAMPLES",
    "SMALLEST_EFFECTS",
    "Comparison",
    "Equivalence",
    "Estimate",
    "Resampled",
    "Units",
    "Verdict",
    "collect_units",
    "compare",
    "compare_seeds",
    "comparisons",
    "equivalence_p",
    "equivalent",
    "estimate",
    "holm",
    "resample",
    "resample_seeds",
    "resample_weights",
    "verdict_table",
]
