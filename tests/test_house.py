"""The files that set the project up agree with each other, and git keeps nothing that it should not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from sharpstudy.paths import PACKAGE, ROOT
from tests.test_layers import imports_of, package_modules

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

PYTHONS = ("3.10", "3.11", "3.12", "3.13")


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def pins() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def version_for(pins: list[Requirement], name: str, python: str) -> str | None:
    """The pinned version of a library for one Python on Linux."""
    env = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": "linux"}
    for pin in pins:
        if canonicalize_name(pin.name) == canonicalize_name(name) and (
            pin.marker is None or pin.marker.evaluate(env)
        ):
            return next(iter(pin.specifier)).version
    return None


@pytest.mark.parametrize("python", PYTHONS)
def test_every_dependency_is_pinned_inside_its_range(project, pins, python):
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    for text in (line for group in groups for line in group):
        wanted = Requirement(text)
        version = version_for(pins, wanted.name, python)
        assert version, f"{wanted.name} has no pin for Python {python}"
        assert wanted.specifier.contains(version), f"{wanted} is pinned to {version}"


def test_every_pin_is_exact(pins):
    for pin in pins:
        assert [part.operator for part in pin.specifier] == ["=="], str(pin)


@pytest.mark.parametrize("python", PYTHONS)
def test_torch_is_not_the_version_that_breaks_torchvision(pins, python):
    assert version_for(pins, "torch", python) != "2.13.0"
    assert version_for(pins, "torchvision", python)


def test_torch_and_torchvision_work_together():
    import torch
    import torchvision

    boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 3.9], [8.0, 8.0, 9.0, 9.0]])
    kept = torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5)
    assert kept.tolist() == [0, 2]


def test_conda_pyproject_and_lock_agree(project):
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    conda = YAML(typ="safe").load(text)
    python = next(item.split("=")[1] for item in conda["dependencies"] if str(item).startswith("python="))
    assert SpecifierSet(project["requires-python"]).contains(f"{python}.9")
    pip = next(item["pip"] for item in conda["dependencies"] if isinstance(item, dict))
    assert pip[0] == "-c constraints.txt"
    extras = re.fullmatch(r"-e \.\[(.+)\]", pip[1]).group(1).split(",")
    assert set(extras) <= set(project["optional-dependencies"])
    assert {"lab", "test"} <= set(extras)
    bare = [line for line in text.splitlines() if line.strip().startswith("- ") and " # " not in line]
    assert bare == ["  - pip:"], "a line of environment.yml has no reason beside it"


def test_run_py_and_pyproject_name_the_same_pythons(project):
    source = (ROOT / "run.py").read_text(encoding="utf-8")
    oldest, newest = re.search(r"OLDEST, NEWEST = \((\d, \d+)\), \((\d, \d+)\)", source).groups()
    allowed = SpecifierSet(project["requires-python"])
    major, minor = map(int, oldest.split(", "))
    assert allowed.contains(f"{major}.{minor}.0")
    assert not allowed.contains(f"{major}.{minor - 1}.18")
    major, minor = map(int, newest.split(", "))
    assert allowed.contains(f"{major}.{minor}.0")
    assert not allowed.contains(f"{major}.{minor + 1}.0")


def test_ci_calls_the_readmes_own_commands():
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "run.py test" in script
    assert "run.py lint" in script


def test_pre_commit_uses_the_pinned_ruff_and_nbstripout(pins):
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert f"rev: v{version_for(pins, 'ruff', '3.11')}" in text
    assert f"rev: {version_for(pins, 'nbstripout', '3.11')}" in text


def test_citation_version_is_the_packages(project):
    citation = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_the_repository_is_small_and_names_no_machine():
    files = tracked()
    assert sum(path.stat().st_size for path in files) < 30e6
    machine = re.compile(r"/(work|farm|root|home/\w+|tmp/bash_jobs)/")
    for path in files:
        if path.suffix in {
            ".py",
            ".md",
            ".yaml",
            ".yml",
            ".toml",
            ".ipynb",
            ".json",
            ".csv",
            ".html",
            ".txt",
            "",
        }:
            found = machine.search(path.read_text(encoding="utf-8", errors="replace"))
            assert not found, f"{path.name} holds the path of one machine: {found.group()}"


def test_notebooks_in_git_hold_no_outputs():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells), path.name


# Import names that differ from the name of the package that brings them.
DISTRIBUTIONS = {
    "cv2": "opencv-python",
    "PIL": "pillow",
    "skimage": "scikit-image",
    "ruamel": "ruamel.yaml",
    "yaml": "pyyaml",
}
# Taken where their twin is absent (ruamel.yaml, lightning-fabric), never required.
NOT_OURS = {"pyyaml", "lightning"}


def third_party(modules: dict[str, tuple[str, bool]]) -> set[str]:
    """The packages, by the name that pip knows, that the modules import from outside."""
    names = {
        name.split(".")[0]
        for module, (text, init) in modules.items()
        for name in imports_of(text, module, init)
    }
    found = {name for name in names if name not in sys.stdlib_module_names and name != "sharpstudy"}
    return {canonicalize_name(DISTRIBUTIONS.get(name, name)) for name in found}


def test_every_library_that_is_imported_is_declared(project):
    declared = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    optional = {"openvino", "nncf", "opencv-python", "pyvirtualcam"}
    undeclared = third_party(package_modules()) - declared - optional - set(map(canonicalize_name, NOT_OURS))
    assert undeclared == set()


def test_the_shipped_files_of_the_package_are_declared():
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = data["tool"]["setuptools"]["package-data"]["sharpstudy"]
    for path in PACKAGE.rglob("*"):
        name = path.relative_to(PACKAGE).as_posix()
        if path.is_file() and path.suffix not in {".py", ".pyc"}:
            assert any(path.relative_to(PACKAGE).match(pattern) for pattern in patterns), (
                f"{name} would not ship"
            )
