"""A user's own pictures, clips and lists: what they become, and what is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sharpstudy.data import split
from sharpstudy.data.folder import load_folder
from sharpstudy.data.frames import FrameError, write_frame
from sharpstudy.data.references import load_each
from sharpstudy.data.sources import SourceOptions, load_source
from tests.material import scene


@pytest.fixture
def folder(tmp_path) -> Path:
    root = tmp_path / "mine"
    for name, seed in (("People/a.png", 1), ("people/deep/b.png", 2), ("odd/c.png", 3), ("text/d.png", 4)):
        write_frame(root / name, scene(seed))
    return root


def test_folder_categories_and_bad_files(folder):
    (folder / "odd" / "broken.png").write_bytes((folder / "odd" / "c.png").read_bytes()[:100])
    (folder / "odd" / "note.txt").write_text("no picture")
    skipped = []
    references = load_source("folder", SourceOptions(folder=folder), skipped.append)
    assert sorted(r.category for r in references) == ["other", "people", "people", "text"]
    assert [problem.path.name for problem in skipped] == ["broken.png"]
    assert isinstance(skipped[0], FrameError)
    assert all(reference.split == split.split_of(reference.clip) for reference in references)
    with pytest.raises(ValueError, match="expected a folder"):
        load_folder(folder / "absent")
    (folder.parent / "empty").mkdir()
    with pytest.raises(ValueError, match="expected pictures or clips in it, found none"):
        load_folder(folder.parent / "empty")


def test_near_duplicates_share_a_scene_whatever_they_are_called(folder):
    before = {r.sha256: (r.clip, r.split) for r in load_folder(folder)}
    original = scene(2)
    write_frame(folder / "odd" / "again.jpg", original, quality=60)
    small = Image.fromarray(original).resize((80, 60), Image.Resampling.LANCZOS)
    write_frame(folder / "text" / "small.png", np.asarray(small))
    write_frame(folder / "text" / "mirrored.png", original[:, ::-1])
    after = load_folder(folder)
    clips = Counter(reference.clip for reference in after)
    assert sorted(clips.values()) == [1, 1, 1, 4]
    assert len({(r.clip, r.split) for r in after}) == 4
    untouched = [r for r in after if clips[r.clip] == 1]
    assert all(before[r.sha256] == (r.clip, r.split) for r in untouched)

    (folder / "text" / "d.png").rename(folder / "odd" / "renamed.png")
    renamed = {r.sha256: (r.clip, r.split) for r in load_folder(folder)}
    assert renamed == {r.sha256: (r.clip, r.split) for r in after}


def test_folder_takes_every_nth_frame_of_a_clip(folder):
    from sharpstudy.data.clips import read_clip, write_clip

    frames = [np.roll(scene(9), 2 * i, axis=1) for i in range(23)]
    write_clip(folder / "people" / "call.mp4", frames, fps=10)
    references = [r for r in load_folder(folder, every=5, frames_per_clip=3) if r.recording]
    decoded = [moment.frame for moment in read_clip(folder / "people" / "call.mp4")]
    assert [reference.recording.index for reference in references] == [4, 9, 14]
    assert len({reference.clip for reference in references}) == 1
    assert len({reference.frame for reference in references}) == 3
    for reference, (same, frame) in zip(references, load_each(references), strict=True):
        assert same == reference
        np.testing.assert_array_equal(frame, decoded[reference.recording.index])
        np.testing.assert_array_equal(frame, reference.load())
    short = [r for r in load_folder(folder, every=100) if r.recording]
    assert [reference.recording.index for reference in short] == [22]


def test_csv_lists_what_the_user_says(folder):
    listing = folder / "list.csv"
    listing.write_text(
        "frame,category,split,clip,licence\n"
        "people/deep/b.png,people,test,,\n"
        "odd/c.png,Game play,,hall,CC0-1.0\n"
        "text/d.png,text,,hall,\n"
        "gone.png,text,,,\n"
    )
    skipped = []
    references = load_folder(listing, on_skip=skipped.append)
    assert [r.category for r in references] == ["people", "game-play", "text"]
    assert references[0].split == "test"
    assert references[1].clip == references[2].clip == "folder-hall"
    assert references[1].split == references[2].split == split.split_of("folder-hall")
    assert references[1].licence == "CC0-1.0"
    assert [problem.path.name for problem in skipped] == ["gone.png"]

    listing.write_text("frame,category\nodd/c.png,text\nodd/c.png,text\n")
    with pytest.raises(ValueError, match="1 frames of a name that is taken"):
        load_source("folder", SourceOptions(folder=listing))
    listing.write_text("frame,category,split\nodd/c.png,text,testing\n")
    with pytest.raises(ValueError, match=r"list\.csv, line 2: expected the split"):
        load_folder(listing)
    listing.write_text("file,category\nodd/c.png,text\n")
    with pytest.raises(ValueError, match="expected the columns frame and category"):
        load_folder(listing)
    write_frame(folder / "copy.jpg", scene(3))
    listing.write_text("frame,category,split\nodd/c.png,text,train\ncopy.jpg,text,test\n")
    with pytest.raises(ValueError, match="near-duplicates are given to different splits"):
        load_folder(listing)
