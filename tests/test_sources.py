"""Sources, split and table against direct computation, other libraries and hand-made cases."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from sharpstudy.data import photographs, sources, split
from sharpstudy.data.folder import load_folder
from sharpstudy.data.frames import FrameError, read_frame, write_frame
from sharpstudy.data.labels import LABELS, SIGNERS
from sharpstudy.data.references import Reference, file_safe, hash_frame
from sharpstudy.data.sources import SourceOptions, load_source
from tests.material import scene


def made(frame: str, category: str = "people", part: str = "test", clip: str = "") -> Reference:
    return Reference(frame, clip or frame, category, part, 4, 3, "made", "none", "0" * 64)


# --- the split


def test_split_is_the_hash_of_the_clip():
    def by_hand(clip: str) -> str:
        draw = int(hashlib.sha256(f"sharpstudy-855:{clip}".encode()).hexdigest()[:16], 16) / 16**16
        return "train" if draw < 0.6 else "validation" if draw < 0.75 else "test"

    names = [f"clip-{i}" for i in range(4000)]
    assert [split.split_of(name) for name in names] == [by_hand(name) for name in names]
    counts = Counter(split.split_of(name) for name in names)
    for part, share in split.SPLIT_SHARES.items():
        assert abs(counts[part] / 4000 - share) < 0.03  # four standard deviations


def test_split_among_some_parts_keeps_their_relative_shares():
    parts = Counter(split.split_of(f"clip-{i}", ("train", "validation")) for i in range(4000))
    assert set(parts) == {"train", "validation"}
    assert abs(parts["train"] / 4000 - 0.8) < 0.03
    with pytest.raises(ValueError, match="among: expected some of"):
        split.split_of("clip", ("training",))


def test_split_table_counts_clips_not_frames():
    people = [made(f"a{i}", clip="one") for i in range(9)] + [made("b")]
    table = split.split_table([*people, made("c", "text"), made("d", "slides"), made("e", "text", "train")])
    test = table[table.split == "test"].set_index("category")
    assert list(test.index) == ["text", "nature", "people", "animals", "graphics", "slides"]
    assert test.loc["people", ["frames", "clips"]].tolist() == [10, 2]
    assert test["share"].tolist() == [0.25, 0, 0.5, 0, 0, 0.25]
    assert test["target"].tolist() == [0.20, 0.25, 0.25, 0.15, 0.15, 0]


def test_balanced_choice_reaches_the_shares_where_it_can():
    plenty = [made(f"{category}-{i}", category) for category in sources.CATEGORIES for i in range(60)]
    chosen = split.select_balanced(plenty, 100, seed=3)
    counts = Counter(reference.category for reference in chosen)
    assert counts == {"text": 20, "nature": 25, "people": 25, "animals": 15, "graphics": 15}
    assert chosen == [reference for reference in plenty if reference in chosen]
    assert split.select_balanced(plenty[::-1], 100, seed=3) == chosen[::-1]
    assert split.select_balanced(plenty, 100, seed=4) != chosen

    no_animals = [r for r in plenty if r.category != "animals"][:-58]  # two graphics are left
    counts = Counter(reference.category for reference in split.select_balanced(no_animals, 72))
    assert counts == {"text": 20, "nature": 25, "people": 25, "graphics": 2}
    assert len(split.select_balanced(no_animals, 1000)) == len(no_animals)


def test_balanced_choice_takes_one_frame_of_every_clip_first():
    clips = [made(f"{clip}-{i}", clip=clip) for clip in ("long", "short", "brief") for i in range(20)]
    assert {reference.clip for reference in split.select_balanced(clips, 3)} == {"long", "short", "brief"}
    assert set(Counter(r.clip for r in split.select_balanced(clips, 6)).values()) == {2}


# --- references and their table


def test_names_are_safe_and_different():
    assert file_safe("abc-1.png") == "abc-1.png"
    names = ["A.png", "a.png", "ä.png", "a/b.png", "a-b.png", "x" * 200, "x" * 201, "..", "con"]
    safe = [file_safe(name) for name in names]
    assert len({name.lower() for name in safe}) == len(names)
    assert all(re.fullmatch(r"[a-z0-9_][a-z0-9._-]{0,79}", name) for name in safe)


def test_table_round_trip(tmp_path):
    references = [made("0001", "text"), replace(made("x"), licence='BSD, "3"')]
    path = tmp_path / "frames.csv"
    sources.write_frames_csv(path, references)
    header = "frame,clip,category,split,width,height,source,licence,sha256"
    assert path.read_bytes().splitlines()[0].decode() == header
    table = sources.read_frames_csv(path)
    assert table.loc[0, "frame"] == "0001"
    assert [Reference(**row) for row in table.to_dict("records")] == references
    path.write_text(path.read_text().replace("licence", "license"))
    with pytest.raises(ValueError, match=r"frames\.csv: expected the columns"):
        sources.read_frames_csv(path)
    sources.write_frames_csv(path, [made("x"), made("x")])
    with pytest.raises(ValueError, match="frame x is there twice"):
        sources.read_frames_csv(path)


def test_hash_is_of_size_and_pixels():
    frame = scene(1, 20, 10)
    assert hash_frame(frame) == hashlib.sha256(b"10x20:" + frame.tobytes()).hexdigest()
    assert hash_frame(frame) != hash_frame(frame.reshape(20, 10, 3))


def test_changed_pixels_are_noticed(tmp_path):
    write_frame(tmp_path / "a.png", scene(1))
    (reference,) = load_folder(tmp_path)
    np.testing.assert_array_equal(reference.load(), scene(1))
    write_frame(tmp_path / "a.png", scene(2))
    with pytest.raises(FrameError, match="no longer those that were listed"):
        reference.load()
    with pytest.raises(FrameError, match="no pixels behind it"):
        made("x").load()


# --- bundled


def test_photographs_are_whole_and_in_every_part():
    import skimage.data

    references = {reference.frame: reference for reference in photographs.load_photographs()}
    np.testing.assert_array_equal(references["photo-astronaut"].load(), skimage.data.astronaut())
    np.testing.assert_array_equal(references["photo-chelsea"].load(), skimage.data.chelsea())
    hopper = references["photo-grace-hopper"]
    assert (hopper.width, hopper.height, hopper.category) == (512, 600, "people")
    scenes = {reference.clip: reference.split for reference in references.values()}
    assert len(references) == 7
    assert scenes == {
        "photo-motorcycle": "train",
        "photo-grace-hopper": "train",
        "photo-rocket": "validation",
        "photo-astronaut": "test",
        "photo-chelsea": "test",
        "photo-coffee": "test",
    }


def test_more_screens_leave_the_others_alone():
    few = photographs.load_screens(2, 320, 180)
    more = photographs.load_screens(3, 320, 180)
    assert more[:2] == few
    assert {reference.category for reference in more} <= {"text", "graphics"}
    np.testing.assert_array_equal(more[2].load(), more[2].loader())
    larger = photographs.load_screens(2, 480, 270)
    assert [r.clip for r in larger] == [r.clip for r in few]
    assert not {r.frame for r in larger} & {r.frame for r in few}


def test_load_source_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match=r"expected one of \['bsds500', 'bundled'.*got 'imagenet'"):
        load_source("bundled+imagenet")
    with pytest.raises(ValueError, match="names a source twice"):
        load_source("bundled+bundled")
    with pytest.raises(ValueError, match="needs SourceOptions"):
        load_source("folder")
    with pytest.raises(ValueError, match="every: expected at least 1, got 0"):
        SourceOptions(every=0)


# --- the known sets


def test_div2k_validates_on_its_training_pictures_only(tmp_path, monkeypatch):
    monkeypatch.setenv("SHARPSTUDY_ASSETS", str(tmp_path))
    monkeypatch.setattr("sharpstudy.assets.cache_folder", lambda: tmp_path / "cache")
    with pytest.raises(ValueError, match="div2k-train is not here"):
        load_source("div2k")
    for number in range(1, 9):
        write_frame(tmp_path / "data/div2k/train" / f"{number:04d}.png", scene(number))
    write_frame(tmp_path / "data/div2k/valid/0801.png", scene(801))
    references = load_source("div2k")
    assert {r.frame: r.split for r in references if r.split == "test"} == {"div2k-0801": "test"}
    for reference in references[:8]:
        assert reference.split == split.split_of(reference.clip, ("train", "validation"))
    assert {(r.category, r.licence) for r in references} == {("other", "research only")}


def test_labels_name_pictures_that_exist(assets):
    for name, labels in LABELS.items():
        stems = {path.stem for path in (assets / "data" / name).rglob("*") if path.is_file()}
        assert set(labels) <= stems
    assert set(SIGNERS) == {path.stem for path in (assets / "data" / "webcam_clips").glob("*.mkv")}


def test_known_sets_follow_their_rules(assets):
    bsds = load_source("bsds500")
    assert Counter(r.split for r in bsds)["test"] == 100
    assert len(bsds) == 499
    assert "bsds500-302003" not in {r.frame for r in bsds}
    val = {f"bsds500-{path.stem}" for path in (assets / "data/bsds500/val").glob("*.jpg")}
    assert {r.frame for r in bsds if r.split == "test"} == val
    assert {r.split for r in load_source("set5+set14+kodak24")} == {"test"}
    small = load_source("set5")[0]
    np.testing.assert_array_equal(small.load(), read_frame(assets / "data/set5/img_001_SRF_4_HR.png"))


def test_clips_are_split_by_person_and_scene(assets):
    webcam = load_source("webcam_clips", SourceOptions(every=30, frames_per_clip=1))
    assert {r.clip: r.split for r in webcam} == {
        f"webcam_clips-{sign}": part for sign, part in SIGNERS.items()
    }
    calls = load_source("call_clips", SourceOptions(every=3, frames_per_clip=2))
    assert {r.split for r in calls} == {"test"}
    two = {(r.clip, r.width) for r in calls if "people" in r.clip}
    assert two == {("call_clips-ciscovt2people", 160), ("call_clips-ciscovt2people", 320)}


def test_a_screen_is_drawn_once_and_again_where_its_file_is_broken(tmp_path, monkeypatch):
    from sharpstudy.data import screens
    from sharpstudy.data.rendered import rendered_screen

    drawn = []
    draw = screens.render_screen
    monkeypatch.setattr(screens, "render_screen", lambda *words: drawn.append(words) or draw(*words))
    first = rendered_screen("slide", 1, 320, 180, tmp_path)
    np.testing.assert_array_equal(first, draw("slide", 1, 320, 180))
    np.testing.assert_array_equal(rendered_screen("slide", 1, 320, 180, tmp_path), first)
    assert drawn == [("slide", 1, 320, 180)]
    (file,) = tmp_path.rglob("*.png")
    file.write_bytes(file.read_bytes()[:100])
    np.testing.assert_array_equal(rendered_screen("slide", 1, 320, 180, tmp_path), first)
    assert len(drawn) == 2
    assert rendered_screen("slide", 1, 340, 180, tmp_path).shape == (180, 340, 3)


def test_softened_copies_are_of_training_frames_and_soft_by_nature():
    few = SourceOptions(screens=14, screen_width=320, screen_height=192)
    plain, joined = load_source("bundled", few), load_source("bundled+softened", few)
    assert joined[: len(plain)] == plain
    copies, by_name = joined[len(plain) :], {one.frame: one for one in plain}
    able = [one for one in plain if one.split == "train" and one.category != "text"]
    assert len(copies) == round(0.15 * len(able)) > 0
    for one in copies:
        of = by_name[one.frame.removeprefix("soft-")]
        assert of in able
        assert (one.clip, one.split, one.source) == (f"soft-{of.clip}", "train", "softened")
        soft, sharp = (frame.load().astype(float) for frame in (one, of))
        assert soft.shape == sharp.shape
        assert np.abs(np.diff(soft, n=2, axis=1)).mean() < 0.9 * np.abs(np.diff(sharp, n=2, axis=1)).mean()
    with pytest.raises(ValueError, match="softened"):
        load_source("softened", few)
