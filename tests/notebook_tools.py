"""Small notebooks and small projects for the tests of the pipeline."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from sharpstudy.paths import PACKAGE


def notebook(*cells: str, parameters: str = "") -> str:
    """The text of a notebook with a parameters cell and then the given code cells."""
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    sources = [(parameters, {"tags": ["parameters"]}), *((cell, {}) for cell in cells)]
    body = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": meta,
            "source": source.splitlines(keepends=True),
            "outputs": [],
            "execution_count": None,
        }
        for number, (source, meta) in enumerate(sources)
    ]
    return json.dumps({"cells": body, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1)


class Project:
    """A copy of what the pipeline needs, in a folder of its own, driven as a user drives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        skip = shutil.ignore_patterns("__pycache__", "weights")
        shutil.copytree(PACKAGE, folder / "sharpstudy", ignore=skip)
        shutil.copy(PACKAGE.parent / ".dvcignore", folder / ".dvcignore")

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def python(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The answer of `python -m WORDS` in the project's folder."""
        env = {**os.environ, "PYTHONUTF8": "1", "DVC_NO_ANALYTICS": "1"}
        env["PATH"] = str(Path(sys.executable).parent) + os.pathsep + env["PATH"]
        command = [sys.executable, "-m", *words]
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=240)

    def stage(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.python("sharpstudy.stage", *words)
