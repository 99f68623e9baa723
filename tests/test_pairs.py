"""Prepared pairs against direct computation; killed, damaged and shared stores."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from sharpstudy.data import prepare
from sharpstudy.data.degrade import Call, DownUp, Noise, degrade, degrade_clip, shrink
from sharpstudy.data.entries import is_whole, map_entry, write_entry
from sharpstudy.data.folder import load_folder
from sharpstudy.data.frames import FrameError
from sharpstudy.data.pairs import open_pairs, prepare_pairs
from sharpstudy.data.references import Reference
from tests.material import SIZES, made, picture


@pytest.fixture
def references() -> list[Reference]:
    return [made(seed, size) for seed, size in enumerate(SIZES)]


def files(folder: Path) -> dict[str, int]:
    """Every stored array with the time of its last change."""
    return {p.relative_to(folder).as_posix(): p.stat().st_mtime_ns for p in sorted(folder.rglob("*.npy"))}


# --- preparing


def test_pairs_are_the_whole_frame_degraded(references, tmp_path):
    settings = DownUp(4)
    store = prepare_pairs(references, settings, 7, tmp_path)
    assert len(store) == 4
    for index, reference in enumerate(references):
        pair = store.pair(index)
        seed = prepare.frame_seed(7, reference.frame, 0)
        frame = reference.load()
        assert isinstance(pair.degraded, np.memmap)
        np.testing.assert_array_equal(pair.reference, frame)
        np.testing.assert_array_equal(pair.degraded, degrade(frame, settings, seed))
        np.testing.assert_array_equal(pair.small, shrink(frame, 4))
        assert pair.target is None
        corner = degrade(np.ascontiguousarray(frame[:40, :40]), settings, seed)
        assert not np.array_equal(pair.degraded[:40, :40], corner)


@pytest.mark.parametrize(
    ("settings", "scale"),
    [
        (DownUp(2), 2),
        (DownUp(2.5), None),
        (DownUp(2, phase=(1.0, 0.0)), None),
        (DownUp(2, phase="random"), None),
        (Noise(3.0), None),
        ("mixed-x4", 4),
    ],
)
def test_small_frames_only_where_they_lie_in_register(settings, scale, tmp_path):
    store = prepare_pairs([made(1)], settings, 0, tmp_path)
    assert store.entries[0].scale == (scale or 1)
    assert (store.pair(0).small is None) == (scale is None)


def test_draws_belong_to_frames_not_to_places(references, tmp_path):
    noise = Noise((1.0, 30.0))
    first = prepare_pairs(references, noise, 1, tmp_path / "a", variants=2)
    other = prepare_pairs(references[::-1][:3], noise, 1, tmp_path / "b")
    by_name = {entry.name: index for index, entry in enumerate(first.entries)}
    assert list(by_name)[:3] == ["frame-000", "frame-000.v1", "frame-001"]
    for index, entry in enumerate(other.entries):
        same = first.pair(by_name[entry.name])
        np.testing.assert_array_equal(other.pair(index).degraded, same.degraded)
        assert not np.array_equal(first.pair(by_name[f"{entry.name}.v1"]).degraded, same.degraded)
    expected = int(hashlib.sha256(b"7:frame-003:1").hexdigest()[:14], 16)
    assert prepare.frame_seed(7, "frame-003", 1) == expected
    reseeded = prepare_pairs(references, noise, 2, tmp_path / "a").pair(0)
    assert not np.array_equal(reseeded.degraded, first.pair(0).degraded)


def test_recipes_share_references_and_equal_degradations(references, tmp_path):
    prepare_pairs(references, "bicubic-x2", 0, tmp_path)
    before = files(tmp_path)
    prepare_pairs(references, {"kind": "down-up", "factor": 2.0}, 0, tmp_path)
    assert files(tmp_path) == before
    prepare_pairs(references, "bicubic-x4", 0, tmp_path)
    kinds = Counter(name.split("/")[0] for name in files(tmp_path))
    assert kinds == {"references": 4, "degraded": 8, "small": 8}


def damage_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [Path.unlink, damage_byte, lambda path: path.write_bytes(path.read_bytes()[:-100])],
    ids=["deleted", "one bit", "cut short"],
)
@pytest.mark.parametrize("kind", ["references", "degraded", "small"])
def test_damaged_entries_are_made_again_and_only_those(references, tmp_path, kind, damage):
    store = prepare_pairs(references, "bicubic-x4", 0, tmp_path)
    before, content = files(tmp_path), {p: p.read_bytes() for p in tmp_path.rglob("*.npy")}
    victim = sorted((tmp_path / kind).rglob("*.npy"))[0]
    damage(victim)
    prepare_pairs(references, "bicubic-x4", 0, tmp_path)
    assert {path: path.read_bytes() for path in content} == content
    owner = next(
        e
        for e in store.entries
        if victim.relative_to(tmp_path).as_posix() in (e.reference, e.degraded, e.small)
    )
    changed = {name for name, when in files(tmp_path).items() if when != before[name]}
    assert victim.relative_to(tmp_path).as_posix() in changed
    assert changed <= {owner.reference, owner.degraded, owner.small}


def test_a_frame_that_fails_stops_with_its_name_and_keeps_the_rest(references, tmp_path):
    broken = made(50)
    object.__setattr__(broken, "loader", partial(picture, 51))
    with pytest.raises(FrameError, match="frame-050: its pixels are no longer"):
        prepare_pairs([*references, broken], "bicubic-x2", 0, tmp_path, workers=1)
    before = files(tmp_path)
    assert len(before) == 12
    prepare_pairs(references, "bicubic-x2", 0, tmp_path)
    assert files(tmp_path) == before


def test_callers_mistakes_are_refused(references, tmp_path):
    with pytest.raises(ValueError, match="variants: expected at least 1, got 0"):
        prepare_pairs(references, "clean", 0, tmp_path, variants=0)
    with pytest.raises(ValueError, match="expected every frame once, 1 are there again"):
        prepare_pairs([*references, references[0]], "clean", 0, tmp_path)
    with pytest.raises(ValueError, match="degradation: expected one of"):
        prepare_pairs(references, "blurry", 0, tmp_path)


def test_progress_counts_frames(references, tmp_path):
    told = []
    prepare_pairs(
        references, "clean", 0, tmp_path, variants=2, progress=lambda done, of: told.append((done, of))
    )
    assert told == [(2, 8), (4, 8), (6, 8), (8, 8)]


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from material import made
from sharpstudy.data.pairs import prepare_pairs
prepare_pairs([made(seed, (320, 200)) for seed in range(30)], "call-300k", 0, Path(sys.argv[2]))
"""


def start(folder: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(Path(__file__).parent), str(folder)])


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_killed_run_leaves_whole_files_and_is_taken_up_again(tmp_path):
    process = start(tmp_path)
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "degraded").rglob("[!.]*.npy"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = [path for path in tmp_path.rglob("*.npy") if not path.name.startswith(".")]
    done = {path: path.stat().st_mtime_ns for path in left}
    assert 5 <= len([path for path in left if path.parent.parent.name == "degraded"]) < 30
    assert all(is_whole(path) for path in left)

    half = tmp_path / "degraded" / "00" / f".{'0' * 32}.part.npy"
    half.parent.mkdir(exist_ok=True)
    half.write_bytes(b"half")
    os.utime(half, (0, 0))
    assert start(tmp_path).wait() == 0
    assert not half.exists()
    assert {path: path.stat().st_mtime_ns for path in left} == done
    assert len(list((tmp_path / "degraded").rglob("[!.]*.npy"))) == 30


def test_two_processes_prepare_one_folder_at_once(tmp_path):
    assert [process.wait() for process in [start(tmp_path), start(tmp_path)]] == [0, 0]
    found = list(tmp_path.rglob("*.npy"))
    assert len(found) == 60
    assert all(is_whole(path) for path in found)
    store = prepare_pairs([made(3, (320, 200))], "call-300k", 0, tmp_path)
    expected = degrade(picture(3, 320, 200), Call(300, 8 / 3), prepare.frame_seed(0, "frame-003", 0))
    np.testing.assert_array_equal(store.pair(0).degraded, expected)
    assert len(list(tmp_path.rglob("*.npy"))) == 60


def test_frames_of_a_clip_are_coded_with_the_frames_between(tmp_path):
    from sharpstudy.data.clips import read_clip, write_clip

    clip = [np.roll(picture(9, 96, 64), i, axis=1) for i in range(75)]
    write_clip(tmp_path / "a" / "call.mp4", clip, fps=30)
    references = load_folder(tmp_path / "a", every=33)
    call = Call(300, 2)
    store = prepare_pairs(references, call, 0, tmp_path / "pairs")
    decoded = [moment.frame for moment in read_clip(tmp_path / "a" / "call.mp4")]
    assert [reference.recording.index for reference in references] == [32, 65]
    for index, (begin, end) in enumerate([(0, 60), (60, 75)]):
        place = references[index].recording.index
        seed = prepare.frame_seed(0, f"folder/call.mp4/{index}", 0)
        together = degrade_clip(decoded[begin:end], call, seed)
        np.testing.assert_array_equal(store.pair(index).degraded, together[place - begin])
        assert not np.array_equal(store.pair(index).degraded, degrade(decoded[place], call, seed))
    one = prepare_pairs(references[1:], call, 0, tmp_path / "alone").pair(0)
    np.testing.assert_array_equal(one.degraded, store.pair(1).degraded)


def test_equal_frames_of_a_clip_keep_their_own_noise(tmp_path):
    from sharpstudy.data.clips import write_clip

    write_clip(tmp_path / "a" / "still.mkv", [picture(9, 96, 64)] * 6, fps=30, codec="ffv1")
    references = load_folder(tmp_path / "a", every=1)
    assert len({reference.sha256 for reference in references}) == 1
    store = prepare_pairs(references, Noise(5.0), 0, tmp_path / "pairs")
    seed = prepare.frame_seed(0, "folder/still.mkv/0", 0)
    together = degrade_clip([reference.load() for reference in references], Noise(5.0), seed)
    assert len({frame.tobytes() for frame in together}) == 6
    for index, expected in enumerate(together):
        np.testing.assert_array_equal(store.pair(index).degraded, expected)


# --- the list of pairs


def test_saved_list_opens_again(references, tmp_path):
    store = prepare_pairs(references, "bicubic-x4", 0, tmp_path)
    path = store.save("train")
    again = open_pairs(path)
    assert again.entries == store.entries
    assert path.read_bytes() == again.save("train").read_bytes()
    np.testing.assert_array_equal(again.pair(2).degraded, store.pair(2).degraded)
    assert len(again.part("train")) == 4
    assert len(again.part("test")) == 0
    (tmp_path / store.entries[1].degraded).unlink()
    with pytest.raises(ValueError, match=r"train\.csv: degraded/.* of 'frame-001' is gone"):
        open_pairs(path)


def test_targets_must_fit(references, tmp_path):
    store = prepare_pairs(references, "bicubic-x2", 0, tmp_path / "pairs")
    targets = {}
    for entry in store.entries:
        targets[entry.name] = tmp_path / "targets" / f"{entry.name}.npy"
        write_entry(targets[entry.name], picture(99, entry.width, entry.height))
    for way in (tmp_path / "targets", targets):
        pair = store.with_targets(way).pair(3)
        np.testing.assert_array_equal(pair.target, picture(99, 67, 65))
    np.save(targets["frame-002"], picture(99, 20, 20))
    with pytest.raises(
        ValueError, match=r"target of 'frame-002': expected \(100, 128, 3\), found \(20, 20, 3\)"
    ):
        store.with_targets(targets)
    np.save(targets["frame-002"], np.zeros((100, 128, 3), np.float16))
    with pytest.raises(ValueError, match="targets: expected one type of number"):
        store.with_targets(targets)
    targets["frame-002"].unlink()
    with pytest.raises(ValueError, match="1 of 4 pairs have none, the first is 'frame-002'"):
        store.with_targets(tmp_path / "targets")


def test_entries_are_plain_npy_files(tmp_path):
    frame = picture(4)
    write_entry(tmp_path / "a.npy", frame[:, ::-1])
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), frame[:, ::-1])
    np.testing.assert_array_equal(map_entry(tmp_path / "a.npy"), frame[:, ::-1])
    assert is_whole(tmp_path / "a.npy")
    assert not is_whole(tmp_path / "b.npy")
    np.save(tmp_path / "b.npy", frame)
    assert not is_whole(tmp_path / "b.npy")
