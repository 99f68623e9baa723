"""Where things live; importing this module creates nothing."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def _root() -> Path:
    """The study's folder: the checkout that holds the package; for an installed wheel, the current folder."""
    checkout = PACKAGE.parent
    return checkout if (checkout / "params.yaml").exists() else Path.cwd()


ROOT = _root()
NOTEBOOKS = ROOT / "notebooks"
PARAMS = ROOT / "params.yaml"
DATA = ROOT / "data"  # what notebook 01 fixes: frames.csv and the pairs
BUILD = ROOT / "build"  # the notebooks' code alone, which the pipeline depends on
WORK = ROOT / "work"  # resumable, content-keyed shards of long stages
RESULTS = ROOT / "results"
REFERENCE = RESULTS / "reference"
WEIGHTS = PACKAGE / "weights"  # the weights that ship


def assets_folder() -> Path | None:
    """The folder that SHARPSTUDY_ASSETS names (it holds data/ and weights/); None where it is not set."""
    value = os.environ.get("SHARPSTUDY_ASSETS", "").strip()
    return Path(value).expanduser().resolve() if value else None


def cache_folder() -> Path:
    """The folder that downloads go to when SHARPSTUDY_ASSETS does not name a writable one."""
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("sharpstudy"))
