"""Fixtures that several test files use."""

from __future__ import annotations

import os
from pathlib import Path

# Small tensors gain nothing from a second thread, and threads that wait for each other cost minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

from sharpstudy.paths import assets_folder


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of real data and weights; tests that need it are skipped where it is absent."""
    folder = assets_folder()
    if folder is None or not (folder / "data").is_dir():
        pytest.skip("SHARPSTUDY_ASSETS does not name a folder with data/ and weights/")
    return folder
