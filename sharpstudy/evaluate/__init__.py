"""Models x frames -> tidy scores -> verdicts that cannot flatter.

Importing it loads neither torch nor pandas: models and tables do when they are used.
"""

from sharpstudy.evaluate.conditions import clean_set, clip_set, degradation_name, degraded_set, text_set
from sharpstudy.evaluate.folders import Matched, match_folders
from sharpstudy.evaluate.frames import CLEAN, ClipSet, EvalClip, EvalFrame, FrameRow, FrameSet, Region
from sharpstudy.evaluate.models import (
    DO_NOTHING,
    UNSHARP,
    Model,
    cross_tuned,
    do_nothing,
    from_callable,
    from_folder,
    model_name,
    tune_masks,
    unsharp,
)
from sharpstudy.evaluate.networks import from_student, read_weight_file, released_weights
from sharpstudy.evaluate.onnx_files import from_onnx
from sharpstudy.evaluate.protocol import Protocol, headline, make_protocol, thinned
from sharpstudy.evaluate.scoring import (
    SCORE_COLUMNS,
    combine,
    read_scores,
    score_model,
    scores_path,
    write_scores,
)
from sharpstudy.evaluate.settings import EVAL_BUDGETS, EvalSettings
from sharpstudy.evaluate.squares import Square, restore_square
from sharpstudy.evaluate.tables import (
    category_table,
    clean_table,
    cross_table,
    gain_table,
    summary_table,
)
from sharpstudy.evaluate.verdicts import flags, judge, own_degradations

__all__ = [
    "CLEAN",
    "DO_NOTHING",
    "EVAL_BUDGETS",
    "SCORE_COLUMNS",
    "UNSHARP",
    "ClipSet",
    "EvalClip",
    "EvalFrame",
    "EvalSettings",
    "FrameRow",
    "FrameSet",
    "Matched",
    "Model",
    "Protocol",
    "Region",
    "Square",
    "category_table",
    "clean_set",
    "clean_table",
    "clip_set",
    "combine",
    "cross_table",
    "cross_tuned",
    "degradation_name",
    "degraded_set",
    "do_nothing",
    "flags",
    "from_callable",
    "from_folder",
    "from_onnx",
    "from_student",
    "gain_table",
    "headline",
    "judge",
    "make_protocol",
    "match_folders",
    "model_name",
    "own_degradations",
    "read_scores",
    "read_weight_file",
    "released_weights",
    "restore_square",
    "score_model",
    "scores_path",
    "summary_table",
    "text_set",
    "thinned",
    "tune_masks",
    "unsharp",
    "write_scores",
]
