"""Has training seen what tests show? Every training and validation frame against every test frame.

Identical pictures are found by the SHA-256 of their pixels, near-duplicates by two perceptual hashes and a
thumbnail (sharpstudy.data.duplicates), mirrored or not, over all sources that are here together. Crops and
rotations are not found. Frames of two recordings in one still room count as near-duplicates, which is said
by the sources that they come from.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sharpstudy.data.duplicates import Leak, check_leaks
from sharpstudy.data.frames import write_bytes
from sharpstudy.data.references import Reference
from sharpstudy.data.sources import SOURCES, SourceOptions
from sharpstudy.experiments.material import present_sources
from sharpstudy.experiments.options import finish, names, say, write_table
from sharpstudy.paths import REFERENCE

if TYPE_CHECKING:
    import pandas as pd

ALL = tuple(name for name in SOURCES if name != "folder")


def leak_table(references: Sequence[Reference], leaks: Sequence[Leak]) -> pd.DataFrame:
    """How many frames were compared and how many pairs look alike, by the two parts of the split."""
    import pandas as pd

    count = pd.Series([one.split for one in references]).value_counts()
    rows = []
    for first, second in (("train", "test"), ("validation", "test"), ("train", "validation")):
        found = [one for one in leaks if {one.first_split, one.second_split} == {first, second}]
        same = sum(one.kind == "identical" for one in found)
        frames = {name for one in found for name in (one.first, one.second)}
        sources = sorted({one.source for one in references if one.frame in frames})
        pair = {
            "parts": f"{first} and {second}",
            "frames": f"{count.get(first, 0)} and {count.get(second, 0)}",
        }
        rows.append({**pair, "identical": same, "near": len(found) - same, "sources": " ".join(sources)})
    return pd.DataFrame(rows)


def main(words: Sequence[str] | None = None) -> int:
    """Compares all frames, writes leaks.csv and leaks.txt, and prints the table."""
    parser = argparse.ArgumentParser(
        prog="python -m sharpstudy.experiments.leaks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--sources", type=names, default=ALL, help="with commas; all that are here unless told"
    )
    parser.add_argument("--every", type=int, default=10, help="of a clip's frames (10)")
    told = parser.parse_args(words)
    return finish(lambda: _compare(told))


def _compare(told: argparse.Namespace) -> str:
    found = present_sources(told.sources, SourceOptions(every=told.every), say)
    references = [one for part in found.values() for one in part]
    table = leak_table(references, check_leaks(references))
    text = table.to_string(index=False)
    (REFERENCE / "leaks").mkdir(parents=True, exist_ok=True)
    write_table(REFERENCE / "leaks" / "leaks.csv", table)
    write_bytes(REFERENCE / "leaks" / "leaks.txt", f"{text}\n".encode())
    return text


if __name__ == "__main__":
    sys.exit(main())
