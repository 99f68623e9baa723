"""A recipe's whole training: its teacher where the recipe trains it, its student, and the student's controls.

trained = train_recipe("realtime", "quick", options=TrainOptions(controls=("no-teacher",)))
print(trained)
for verdict in judge_runs(trained, score_runs(trained)):
    print(verdict_words(verdict))
write_models(trained, Path("models"))

Every network that learns has a folder under work/, named by all that decides its weights: a training that was
stopped goes on there, and one that is finished is found and not repeated.
"""

from __future__ import annotations

from .judging import difference_table, judge_runs, score_runs, verdict_table, verdict_words
from .outputs import log_table, run_table, sample_table, speed_rows, write_models, write_records
from .own_teacher import OwnTeacher, train_own_teacher
from .recipe import train_recipe
from .settings import RecipeTraining, Run, TrainOptions, parse_controls

__all__ = [
    "OwnTeacher",
    "RecipeTraining",
    "Run",
    "TrainOptions",
    "difference_table",
    "judge_runs",
    "log_table",
    "parse_controls",
    "run_table",
    "sample_table",
    "score_runs",
    "speed_rows",
    "train_own_teacher",
    "train_recipe",
    "verdict_table",
    "verdict_words",
    "write_models",
    "write_records",
]
