"""Fixtures that several test files use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

# Small tensors gain nothing from a second thread, and threads that wait for each other cost minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

from sharpstudy.paths import assets_folder

if TYPE_CHECKING:
    from tests.download_server import Server


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


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    """A server on 127.0.0.1 that answers as it is told to, with short pauses between tries."""
    from sharpstudy.download import transfer
    from tests.download_server import Server

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(transfer, "PAUSES", (0.01, 0.01, 0.01))
    running = Server()
    yield running
    running.close()
