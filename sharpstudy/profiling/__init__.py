"""The study's models under the stopwatch: who is timed, in which form, at which size, and what came out.

`sharpstudy.speed` measures; this package knows what is measured.
"""

from __future__ import annotations

from .budgets import BUDGETS, SIZES, SpeedBudget, chosen
from .candidates import Candidate, ProfileError, find_candidate, list_candidates
from .study import COLUMNS, Bench, as_table, profile_cell, profile_study, profile_threads

__all__ = [
    "BUDGETS",
    "COLUMNS",
    "SIZES",
    "Bench",
    "Candidate",
    "ProfileError",
    "SpeedBudget",
    "as_table",
    "chosen",
    "find_candidate",
    "list_candidates",
    "profile_cell",
    "profile_study",
    "profile_threads",
]
