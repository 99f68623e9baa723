"""Who may import whom: the table of the house, held by reading every import in the package."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from sharpstudy.paths import PACKAGE

# What a part of the package may import of the package; `paths` and `assets` are open to everyone.
MAY_IMPORT = {
    "paths": set(),
    "assets": {"download"},
    "download": {"assets"},
    "data": set(),
    "metrics": set(),
    "statistics": set(),
    "baselines": set(),
    "plots": set(),
    "mos": {"statistics", "data.frames"},
    "students": set(),
    "recipes": {"data.degrade"},
    "teachers": {"data", "metrics", "statistics", "baselines"},
    "losses": set(),
    "teach": {"data", "recipes", "teachers"},
    "speed": set(),
    "distill": {"data", "students", "teachers", "losses", "metrics", "recipes"},
    "training": {"data", "recipes", "teachers", "distill", "teach", "students", "metrics", "statistics"},
    "training_speed": {"data", "recipes", "teachers", "distill", "students", "losses"},
    "experiments": {
        "contenders",
        "data",
        "distill",
        "evaluate",
        "losses",
        "metrics",
        "plots",
        "recipes",
        "statistics",
        "students",
        "teachers",
    },
    "beside_published": set(),
    "headline": {"wording"},
    "reference_tables": set(),
    "release": {
        "contenders",
        "data",
        "distill",
        "evaluate",
        "recipes",
        "statistics",
        "students",
        "teachers",
    },
    "contenders": {"data", "baselines", "evaluate", "recipes", "teachers"},
    "profiling": {"students", "runtime", "recipes", "speed", "data", "baselines", "teachers", "wording"},
    "runtime": {
        "students",
        "recipes",
        "data.frames",
        "data.clips",
        "data.clip_source",
        "data.colour",
        "data.files",
        "data.samples",
    },
    "evaluate": {"data", "metrics", "statistics", "baselines", "students", "recipes", "runtime"},
    "stage": {"data.files"},
    "report": {"data.files", "report_pictures"},
    "report_pictures": set(),
    "showcase": {"baselines", "data", "metrics", "plots", "report_pictures", "runtime"},
    "patch_speed": {"data"},
    "cli": None,  # anything
    "terminal": set(),
    "wording": set(),
    "__main__": {"cli"},
}
OPEN_TO_ALL = {"paths", "assets"}
CLOSED_TO = {"paths": OPEN_TO_ALL, "students": OPEN_TO_ALL}  # these use not even the open ones

# Libraries that a part never touches, or that only some parts may touch.
NEVER = {
    "statistics": {"torch"},
    "plots": {"torch"},
    "mos": {"torch"},
    "runtime": {"lightning_fabric", "torchmetrics", "spandrel", "lpips"},
}
ONLY_IN = {"papermill": {"stage"}, "dvc": set(), "click": {"cli", "terminal"}, "spandrel": {"teachers"}}


def imports_of(source: str, module: str, is_package: bool) -> set[str]:
    """Full dotted names that a module imports, at its top or inside functions, relative ones resolved."""
    base = module if is_package else module.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            prefix = node.module or ""
            if node.level:
                parent = ".".join(base.split(".")[: len(base.split(".")) - node.level + 1])
                prefix = f"{parent}.{prefix}".rstrip(".")
            found |= {f"{prefix}.{alias.name}" for alias in node.names}
    return found


def part_of(module: str) -> str:
    """`data` for sharpstudy.data.frames; `paths` for sharpstudy.paths."""
    return module.split(".")[1] if "." in module else ""


def allowed(part: str, target: str) -> bool:
    """Whether a part may import a name of the package, given without the leading `sharpstudy.`."""
    if MAY_IMPORT[part] is None or target.split(".")[0] == part or target == "__version__":
        return True
    if target.split(".")[0] in OPEN_TO_ALL - CLOSED_TO.get(part, set()):
        return True
    return any(target == name or target.startswith(f"{name}.") for name in MAY_IMPORT[part])


def violations(modules: dict[str, tuple[str, bool]]) -> list[str]:
    """One sentence per import that breaks the table; modules maps a dotted name to (source, is a package)."""
    broken = []
    for module, (source, is_package) in sorted(modules.items()):
        part = part_of(module)
        if part and part not in MAY_IMPORT:
            broken.append(f"{module} is not in the table of who may import whom")
            continue
        for name in sorted(imports_of(source, module, is_package)):
            top, _, rest = name.partition(".")
            if top == "sharpstudy" and rest and part and not allowed(part, rest):
                broken.append(f"{module} imports {name}, which {part} may not")
            if top in NEVER.get(part, ()) or (top in ONLY_IN and part not in ONLY_IN[top]):
                broken.append(
                    f"{module} imports the library {top}, which {part or 'the package root'} may not"
                )
    return broken


def package_modules(folder: Path = PACKAGE) -> dict[str, tuple[str, bool]]:
    modules = {}
    for path in folder.rglob("*.py"):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        modules[".".join(parts[:-1] if is_package else parts)] = (
            path.read_text(encoding="utf-8"),
            is_package,
        )
    return modules


def test_every_import_of_the_package_obeys_the_table():
    assert violations(package_modules()) == []


@pytest.mark.parametrize(
    ("module", "source", "word"),
    [
        ("sharpstudy.students.residual", "from sharpstudy.data import frames", "students may not"),
        ("sharpstudy.students.residual", "from sharpstudy.paths import ROOT", "students may not"),
        ("sharpstudy.data.frames", "def f():\n    import sharpstudy.distill", "data may not"),
        ("sharpstudy.data.frames", "from ..metrics import psnr", "data may not"),
        ("sharpstudy.runtime.engine", "from sharpstudy.teachers import load_teacher", "runtime may not"),
        ("sharpstudy.statistics", "import torch.nn", "library torch"),
        ("sharpstudy.distill", "import papermill as pm", "library papermill"),
        ("sharpstudy.newcomer", "import os", "not in the table"),
        ("sharpstudy.evaluate", "from sharpstudy import cli", "evaluate may not"),
    ],
)
def test_a_broken_rule_is_found(module: str, source: str, word: str):
    found = violations({module: (source, False)})
    assert len(found) == 1
    assert word in found[0]


def test_relative_imports_are_resolved():
    assert imports_of("from . import frames", "sharpstudy.data.pairs", False) == {"sharpstudy.data.frames"}
    assert imports_of("from .frames import a", "sharpstudy.data", True) == {"sharpstudy.data.frames.a"}
    assert imports_of("from ..paths import ROOT", "sharpstudy.data.pairs", False) == {"sharpstudy.paths.ROOT"}


def test_importing_the_package_loads_no_heavy_library():
    code = (
        "import sys, sharpstudy, sharpstudy.assets, sharpstudy.data.frames, sharpstudy.stage;"
        "heavy = {'torch', 'papermill', 'dvc', 'lpips', 'av', 'matplotlib', 'pandas'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
