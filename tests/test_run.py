"""The one door: what it says to an unsuitable machine, and how it finds its targets."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from sharpstudy.paths import ROOT


@pytest.fixture(scope="module")
def run():
    spec = importlib.util.spec_from_file_location("run", ROOT / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ask(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "run.py", *words], cwd=ROOT, capture_output=True, text=True)


def test_help_lists_every_word():
    answer = ask("--help")
    assert answer.returncode == 0
    for word in ("study", "test", "lint", "lab", "clean", "setup"):
        assert f"\n  {word}" in answer.stdout


def test_an_unknown_word_is_one_sentence():
    answer = ask("studdy")
    assert answer.returncode == 1
    assert answer.stderr.strip() == "run.py: There is no word 'studdy'; `python run.py --help` lists them."


@pytest.mark.parametrize("version", [(3, 9, 18), (3, 14, 0), (2, 7, 18)])
def test_an_unsuitable_python_is_refused_with_one_that_would_do(run, version):
    with pytest.raises(
        run.SetupError, match=r"needs Python 3\.10 to 3\.13, and this is Python .*; python3\.12 is on"
    ):
        run.check_python(version, which=lambda name: "/somewhere" if name == "python3.12" else None)
    with pytest.raises(run.SetupError, match="install one"):
        run.check_python(version, which=lambda name: None)


def test_suitable_pythons_pass(run):
    for minor in (10, 11, 12, 13):
        run.check_python((3, minor, 0))


def test_a_full_disk_is_refused_before_anything_is_installed(run):
    run.check_disk(7.1e9)
    with pytest.raises(run.SetupError, match=r"about 7 GB in .*, and 6\.9 GB are free"):
        run.check_disk(6.9e9)


def test_words_of_study_become_targets(run):
    names = ["code", "data", "distill@realtime", "distill@swinir-cnn", "evaluate"]
    assert run.targets(["data"], names) == ["data"]
    assert run.targets(["realtime"], names) == ["distill@realtime"]
    assert run.targets(["distill", "--force"], names) == ["distill@realtime", "distill@swinir-cnn", "--force"]
    with pytest.raises(run.SetupError, match=r"no stage or recipe 'dta'; there are: code, data, distill@"):
        run.targets(["dta"], names)


def test_the_fingerprint_follows_the_pinned_versions(run, tmp_path, monkeypatch):
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("a", encoding="utf-8")
    monkeypatch.setattr(run, "ROOT", str(tmp_path))
    before = run.fingerprint()
    assert run.fingerprint() == before
    (tmp_path / "constraints.txt").write_text("b", encoding="utf-8")
    assert run.fingerprint() != before


def test_clean_removes_what_the_study_wrote_and_keeps_the_reference(run, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "ROOT", str(tmp_path))
    for name in ("data/pairs", "build", "results/reference", "results/tables", "sharpstudy"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "results/report.html").write_text("x", encoding="utf-8")
    assert run.clean([]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results", "sharpstudy"]
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["reference"]
    with pytest.raises(run.SetupError, match="takes no argument but --all"):
        run.clean(["everything"])
