"""The command line: it explains itself, does what it says, and answers trouble with one sentence."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from sharpstudy.cli import main
from sharpstudy.data.frames import read_frame, write_frame
from sharpstudy.recipes import RECIPES
from sharpstudy.terminal import table_text


def ask(*words: str):
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def picture(tmp_path, rng):
    path = tmp_path / "pictures" / "photo.png"
    path.parent.mkdir()
    write_frame(path, rng.integers(0, 256, (90, 120, 3), dtype=np.uint8))
    return path


def test_python_m_sharpstudy_is_the_command():
    answer = subprocess.run([sys.executable, "-m", "sharpstudy", "--help"], capture_output=True, text=True)
    assert answer.returncode == 0
    assert "Usage:" in answer.stdout


@pytest.mark.parametrize("command", list(main.commands))
def test_every_command_explains_itself(command):
    answer = ask(command, "--help")
    assert answer.exit_code == 0
    assert len(answer.output.splitlines()) > 5
    assert main.commands[command].get_short_help_str(200).endswith(".")
    assert not main.commands[command].get_short_help_str(45).endswith("...")


def test_the_list_of_assets_shows_names_sizes_and_licences():
    answer = ask("fetch", "--list")
    assert answer.exit_code == 0
    lines = {line.split()[0]: line for line in answer.output.splitlines() if line}
    assert "research only" in lines["div2k-train"]
    assert "3.53 GB" in lines["div2k-train"]
    assert max(map(len, answer.output.splitlines()[: len(lines) - 5])) <= 110


def test_an_unknown_asset_is_one_sentence():
    answer = ask("fetch", "div3k")
    assert answer.exit_code == 1
    assert answer.output.startswith("Error: ")
    assert "div3k" in answer.output
    assert "Traceback" not in answer.output


def test_fetch_without_a_name_says_where_the_names_are():
    answer = ask("fetch")
    assert answer.exit_code == 2
    assert "fetch --list" in answer.output


def test_degrade_writes_beside_the_picture_and_never_over_a_file(picture):
    answer = ask("degrade", picture, "--as", "bicubic-x4")
    assert answer.exit_code == 0, answer.output
    made = picture.with_name("photo.bicubic-x4.png")
    assert read_frame(made).shape == (90, 120, 3)
    assert np.abs(read_frame(made).astype(int) - read_frame(picture)).mean() > 10
    before = made.read_bytes()
    again = ask("degrade", picture, "--as", "bicubic-x4")
    assert again.exit_code == 1
    assert "--force" in again.output
    assert ask("degrade", picture, "--as", "bicubic-x4", "--force").exit_code == 0
    assert made.read_bytes() == before


def test_degrade_goes_on_past_a_bad_file_and_says_so(picture, tmp_path):
    (picture.parent / "broken.png").write_bytes(b"not a picture")
    answer = ask("degrade", picture.parent, "--as", "blur", "--into", tmp_path / "out")
    assert answer.exit_code == 1
    assert "broken.png" in answer.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["photo.blur.png"]


def test_an_unknown_degradation_is_named_with_those_there_are(picture):
    answer = ask("degrade", picture, "--as", "fog")
    assert answer.exit_code == 1
    assert "fog" in answer.output
    assert "call-300k" in answer.output


def test_the_degradations_are_explained():
    answer = ask("degrade", "--list")
    assert answer.exit_code == 0
    assert any(line.startswith("call-300k") and "H.264" in line for line in answer.output.splitlines())


def test_frames_counts_a_folder_and_lists_what_it_skipped(picture, tmp_path):
    (picture.parent / "people").mkdir()
    picture.rename(picture.parent / "people" / picture.name)
    answer = ask("frames", picture.parent, "--csv", tmp_path / "frames.csv")
    assert answer.exit_code == 0, answer.output
    assert "1 frames of 1 clips" in answer.output
    assert "people" in answer.output
    assert (tmp_path / "frames.csv").read_text(encoding="utf-8").startswith("frame,clip,category,split,")
    (picture.parent / "empty.jpg").write_bytes(b"")
    answer = ask("frames", picture.parent)
    assert answer.exit_code == 1
    assert "empty.jpg" in answer.output


def test_recipes_are_listed_and_explained():
    answer = ask("recipes")
    assert answer.exit_code == 0
    for name in RECIPES:
        assert name in answer.output
        assert name in ask("recipes", name).output
    assert ask("recipes", "nosuch").exit_code == 1


def test_a_table_sets_words_left_and_numbers_right():
    text = table_text([{"name": "a", "n": 5}, {"name": "bcd", "n": 1000}])
    assert text == "name      n\n----  -----\na         5\nbcd   1,000"


def test_students_and_teachers_are_listed_with_their_exact_sizes():
    students = ask("students").output
    for count in ("483,587", "112,593", "944,323", "372,803", "334,147"):
        assert count in students
    teachers = ask("teachers").output
    for name, count in (("unet", "466,595"), ("srresnet-x4", "1,549,443"), ("bsrgan", "16,697,987")):
        assert any(line.startswith(f"{name} ") and count in line for line in teachers.splitlines())


def test_distill_refuses_what_it_cannot_use_in_one_sentence():
    for words in (["nosuch"], ["realtime", "--teacher-weights", "unet"], ["realtime", "--seeds", "-1"]):
        answer = ask("distill", *words)
        assert answer.exit_code in (1, 2)
        assert "Error: " in answer.output
        assert "Traceback" not in answer.output


def test_teach_refuses_an_unknown_recipe_in_one_sentence():
    assert ask("teach", "--help").output.startswith("usage: sharpstudy teach ")
    answer = ask("teach", "nosuch")
    assert answer.exit_code == 1
    assert "Traceback" not in answer.output
