"""What the five systems' authors say of their speed, beside what is measured here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MACHINE = "unknown"


def published_speeds() -> list[dict[str, Any]]:
    """One row for each published frame rate or latency: model, size if said, fps, words, doubt."""
    from sharpstudy.recipes import RECIPES, load_recipe

    rows = []
    for name in RECIPES:
        recipe = load_recipe(name)
        for figure in recipe.published:
            if figure.metric not in ("fps", "milliseconds"):
                continue
            width, height = size_in(figure.where)
            rows.append(
                {
                    "model": recipe.student.name,
                    "of": figure.of,
                    "width": width,
                    "height": height,
                    "fps": figure.value if figure.metric == "fps" else 1000 / figure.value,
                    "words": figure.words,
                    "machine": MACHINE,
                    "doubt": figure.doubt or "",
                }
            )
    return rows


def size_in(where: str | None) -> tuple[int | None, int | None]:
    """Width and height from words such as "640x480"; nothing where they name no size."""
    found = re.search(r"(\d+)\s*[x×]\s*(\d+)", where or "")
    return (int(found[1]), int(found[2])) if found else (None, None)


def beside_ours(profiles: pd.DataFrame) -> pd.DataFrame:
    """The published rows with ours: the same student in eager PyTorch, end to end, at the same size.

    Where the authors name no size, ours is at 640x480, the commonest among those who do. Columns added:
    our_width, our_height, our_fps, our_p50_ms.
    """
    import pandas as pd

    rows = []
    ours = profiles[
        (profiles["backend"] == "torch")
        & (profiles["stage"] == "end_to_end")
        & (profiles["threads"] == profiles["threads"].max())
    ]
    for row in published_speeds():
        size = (row["width"] or 640, row["height"] or 480)
        same = (ours["model"] == row["model"]) & (ours["width"] == size[0]) & (ours["height"] == size[1])
        found = ours[same] if row["of"] == "student" else ours.iloc[:0]
        measured = {
            "our_width": size[0],
            "our_height": size[1],
            "our_fps": found["fps"].iloc[0] if len(found) else float("nan"),
            "our_p50_ms": found["p50_ms"].iloc[0] if len(found) else float("nan"),
        }
        rows.append({**row, **measured})
    return pd.DataFrame(rows)
