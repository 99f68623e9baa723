"""A built study is blind, lossless and whole; what is wrong with its pictures is listed before it exists."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from click.testing import CliRunner

from sharpstudy.cli.mos import mos
from sharpstudy.data.frames import read_frame, write_frame
from sharpstudy.mos.bundle import asset_name, build_bundle
from sharpstudy.mos.collect import read_key
from sharpstudy.mos.pages import MOST_BYTES, _seat_groups, read_study, render_page, write_pages
from sharpstudy.mos.pictures import (
    PicturesError,
    busiest_square,
    choose_scenes,
    cut_scene,
    find_scenes,
    made_picture,
    trap_picture,
)
from tests.mos_study import SECRET, SMALL, SYSTEMS, build_small, exported, vote, write_pictures


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return build_small(tmp_path_factory.mktemp("mos"))


@pytest.fixture(scope="module")
def key(small):
    return read_key(small.key)


def test_no_byte_of_the_bundle_or_its_pages_tells_a_system(small, key, tmp_path):
    write_pages(small.folder, tmp_path)
    names = [name.encode() for name in (*key["systems"], "student", "degraded", "gold-", "trap:", "scene-")]
    files = [path for folder in (small.folder, tmp_path) for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        text = path.read_bytes()
        for name in names:
            assert name not in text, f"{path.name} holds {name}"
            assert name.decode() not in path.name


def test_the_names_of_files_are_hmacs_of_what_they_show(small, key):
    names = {path.stem for path in (small.folder / "assets").iterdir()}
    assert names == set(key["assets"])
    for name, (content, system) in key["assets"].items():
        assert name == asset_name(SECRET, content, system)
    assert asset_name(b"another", "scene-00", "input") not in names


def test_pictures_are_lossless_of_one_size_and_carry_no_metadata(small, key):
    pictures = small.folder.parent / "pictures"
    checked = 0
    for name, (content, system) in key["assets"].items():
        path = small.folder / "assets" / f"{name}.webp"
        frame = read_frame(path)
        assert frame.shape == (64, 64, 3)
        assert chunks(path.read_bytes()) == ["VP8L"]
        found = [one for one in (pictures / system).rglob(f"{content}.png")]
        if found:
            reference = read_frame(next((pictures / "reference").rglob(f"{content}.png")))
            top, left = busiest_square(reference, 64)
            assert np.array_equal(frame, read_frame(found[0])[top : top + 64, left : left + 64])
            checked += 1
    assert checked >= 5 * len(SYSTEMS)


def chunks(data: bytes) -> list[str]:
    """The names of a WebP file's chunks."""
    assert data[:4] == b"RIFF"
    names, at = [], 12
    while at < len(data):
        names.append(data[at : at + 4].decode())
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return names


def test_every_trial_of_the_study_is_in_the_key_with_what_it_shows(small, key):
    study = read_study(small.folder)
    rows = {tuple(row[:3]): dict(zip(key["columns"], row, strict=True)) for row in key["trials"]}
    count = 0
    for session in study["sessions"]:
        for seat, trials in session["seats"].items():
            for position, (block, practice, *shown) in enumerate(trials, 1):
                row = rows[session["session"], int(seat), position]
                sides = (
                    [row["system_left"], row["system_right"]] if row["system_right"] else [row["system_left"]]
                )
                assert [key["assets"][study["assets"][number]] for number in shown] == [
                    [row["stimulus"], side] for side in sides
                ]
                assert session["blocks"][block]["arm"] == row["arm"]
                assert not practice or row["role"] == "training"
                count += 1
    assert count == len(rows) == small.trials


def test_the_key_stays_outside_and_nothing_is_written_over(small, tmp_path):
    scenes = find_scenes(folders_of(small))
    with pytest.raises(ValueError, match="outside"):
        build_bundle(scenes, list(SYSTEMS), SMALL, tmp_path / "b", tmp_path / "b" / "key.json")
    with pytest.raises(ValueError, match="already"):
        build_bundle(scenes, list(SYSTEMS), SMALL, small.folder, tmp_path / "key.json")
    assert list(tmp_path.iterdir()) == []


def folders_of(small):
    return {system.name: small.folder.parent / "pictures" / system.name for system in SYSTEMS}


def test_a_name_that_the_page_speaks_of_is_refused(small, tmp_path):
    folders = folders_of(small)
    folders["session"] = folders.pop("tiny-net")
    systems = [*SYSTEMS[:4], replace(SYSTEMS[4], name="session")]
    with pytest.raises(ValueError, match="another name"):
        build_bundle(find_scenes(folders), systems, SMALL, tmp_path / "b", tmp_path / "key.json")
    assert list(tmp_path.iterdir()) == []


def test_everything_wrong_with_the_pictures_is_listed_and_nothing_is_written(tmp_path, rng):
    folders = write_pictures(tmp_path / "p", 5)
    (folders["input"] / "scene-00.png").unlink()
    (folders["teacher"] / "scene-01.png").unlink()
    shutil.move(folders["reference"] / "people" / "scene-02.png", folders["reference"] / "scene-02.png")
    with pytest.raises(PicturesError) as caught:
        find_scenes(folders)
    assert len(caught.value.problems) == 3
    assert [word in str(caught.value) for word in ("scene-00", "scene-01", "scene-02")] == [True] * 3

    folders = write_pictures(tmp_path / "q", 5)
    write_frame(folders["unsharp"] / "scene-03.png", rng.integers(0, 256, (80, 95, 3), dtype=np.uint8))
    with pytest.raises(PicturesError, match="expected 96x80 pixels like its reference, came 95x80"):
        build_bundle(find_scenes(folders), list(SYSTEMS), SMALL, tmp_path / "b", tmp_path / "key.json")
    with pytest.raises(PicturesError, match="128x128 pixels at least"):
        cut_scene(find_scenes(write_pictures(tmp_path / "r", 5))[0], 128)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p", "q", "r"]


def test_pictures_match_by_stem_and_categories_may_come_from_a_csv(tmp_path):
    folders = write_pictures(tmp_path / "p", 5)
    plain = folders["input"] / "scene-00.png"
    plain.rename(folders["input"] / "scene-00.call-300k.png")
    table = tmp_path / "frames.csv"
    table.write_text("frame,category\nscene-00.png,graphics\n", encoding="utf-8")
    scenes = {scene.content.name: scene for scene in find_scenes(folders, table)}
    assert scenes["scene-00"].files["input"].name == "scene-00.call-300k.png"
    assert scenes["scene-00"].content.category == "graphics"
    assert scenes["scene-01"].content.category == "nature"


def test_scenes_are_chosen_with_the_categories_in_turn(tmp_path):
    scenes = find_scenes(write_pictures(tmp_path, 15))
    chosen = choose_scenes(scenes, 10, 3, seed=1)
    counts = [sum(scene.content.category == name for scene in chosen[:10]) for name in ("text", "people")]
    assert counts == [2, 2]
    assert len(chosen) == 13
    assert chosen == choose_scenes(scenes[::-1], 10, 3, seed=1)
    with pytest.raises(ValueError, match="asks for 20 contents and there are 15"):
        choose_scenes(scenes, 20, 3, seed=1)


@pytest.mark.parametrize("size", [8, 9])
def test_the_busiest_square_is_the_one_that_a_search_finds(rng, size):
    frame = (rng.integers(0, 256, (21, 30, 3)) * rng.random((21, 30, 1))).astype(np.uint8)
    luma = frame @ np.array([0.299, 0.587, 0.114])
    energy = np.hypot(*np.gradient(luma))
    sums = {
        (row, column): energy[row : row + size, column : column + size].sum()
        for row, column in product(range(21 - size + 1), range(30 - size + 1))
    }
    assert busiest_square(frame, size) == max(sums, key=sums.get)


def test_made_pictures_are_clearly_worse(rng):
    reference = rng.integers(60, 200, (64, 64, 3), dtype=np.uint8)
    contrast = float(reference.std())
    assert made_picture("gold-blur", reference).std() < 0.2 * contrast
    assert made_picture("gold-oversharp", reference).std() > 1.5 * contrast
    with pytest.raises(ValueError, match="gold-blur or gold-oversharp"):
        made_picture("better", reference)


def test_a_trap_has_its_words_inside_the_picture():
    frame = trap_picture("Attention check.\nWhatever is asked,\nplease choose\n“Right slightly better”.", 256)
    words = np.argwhere((frame != 128).any(axis=2))
    assert len(words) > 500
    assert words.min() > 4
    assert words.max() < 252


def test_a_page_is_split_by_seats_when_its_pictures_are_too_many(small, tmp_path):
    rows = {"1": [[0, 0, 0, 1]], "2": [[0, 0, 1, 2]], "3": [[0, 0, 3]], "4": [[0, 0, 3]], "5": [[0, 0, 4]]}
    session = {"session": 1, "seats": rows}
    assert list(_seat_groups(session, [1_000_000] * 5)) == [["1", "2", "3", "4", "5"]]
    assert list(_seat_groups(session, [9_000_000] * 5)) == [["1", "2"], ["3", "4", "5"]]
    with pytest.raises(ValueError, match="the pictures of one rater take more than 40 MB"):
        list(_seat_groups(session, [29_000_000] * 5))
    pages = write_pages(small.folder, tmp_path)
    assert [path.name for path in pages] == ["session-1.html"]
    assert pages[0].stat().st_size < MOST_BYTES


def test_the_page_escapes_its_title_and_lets_no_data_out_of_its_script():
    nasty = "</script><script>alert(1)</script><!-- {{script}} \u2028"
    page = render_page({"title": nasty, "assets": [], "sessions": []})
    assert "<script>alert" not in page
    assert page.count("</script>") == 3
    assert "{{" not in page.replace(nasty.replace("<", "\\u003c"), "").replace("{{script}}", "")


def ask(*words):
    return CliRunner().invoke(mos, [str(word) for word in words])


def test_the_commands_from_plan_to_ratings(tmp_path):
    answer = ask("plan", "--plan", "published")
    assert answer.exit_code == 0, answer.output
    assert "25 raters, 50 contents" in answer.output
    assert "readability" in answer.output
    folders = write_pictures(tmp_path / "p", 6)
    systems = [
        word
        for name in ("input", "unsharp", "teacher", "tiny-net")
        for word in ("--systems", f"{name}={folders[name]}")
    ]
    words = ["build", "--plan", "pilot", "--contents", 6, "--raters", 2, "--crop", 64]
    answer = ask(*words, "--reference", folders["reference"], *systems, "--into", tmp_path / "study")
    assert answer.exit_code == 0, answer.output
    assert "A pilot" in answer.output
    assert ask("page", tmp_path / "study", "--into", tmp_path / "pages").exit_code == 0
    assert [path.name for path in (tmp_path / "pages").iterdir()] == ["session-1.html"]
    key = read_key(tmp_path / "study.key.json")
    (tmp_path / "a.json").write_text(json.dumps(exported([vote("s1-r1-t1", 0)], study=key["study"])))
    words = ["collect", tmp_path / "a.json", "--key", tmp_path / "study.key.json", "--source", "human"]
    answer = ask(*words, "--into", tmp_path / "ratings.csv")
    assert answer.exit_code == 0, answer.output
    assert "1 ratings of 1 raters" in answer.output


def test_a_study_without_a_needed_system_must_say_so(tmp_path):
    folders = write_pictures(tmp_path / "p", 5)
    words = ["build", "--reference", folders["reference"], "--into", tmp_path / "s", "--systems"]
    answer = ask(*words, f"input={folders['input']}", "--systems", f"unsharp={folders['unsharp']}")
    assert answer.exit_code == 2
    assert "teacher must be given" in answer.output
    answer = ask(*words, f"input={folders['input']}", "--without", "unsharp", "--without", "teacher")
    assert "a student at least" in answer.output
    assert not (tmp_path / "s").exists()
