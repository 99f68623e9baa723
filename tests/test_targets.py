"""Stored targets against what the teacher gives directly, and against hand-made hashes and damage."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace

import numpy as np
import pytest
import torch

from sharpstudy.data.degrade import Blur
from sharpstudy.data.frames import to_frame, to_tensor
from sharpstudy.data.pairs import PairEntry, PairStore, prepare_pairs
from sharpstudy.data.patches import Patches, turned
from sharpstudy.data.references import Reference
from sharpstudy.teachers import load_teacher
from sharpstudy.teachers.gate import restore_pair
from sharpstudy.teachers.targets import (
    Caching,
    cache_targets,
    hash_weights,
    missing_targets,
    shard_of,
    target_key,
    target_paths,
)
from tests.material import made
from tests.planted import Sharpener, pairs, planted

X4 = "srgan-generator-x4"


def calls(teacher) -> int:
    return teacher.network.calls


@pytest.mark.parametrize(
    ("name", "degradation"), [("unet", Blur(9, 1.2)), (X4, "bicubic-x4"), (X4, "bicubic-x2"), (X4, "blur")]
)
def test_a_target_is_what_the_gate_judges(tmp_path, name, degradation):
    store, teacher = pairs(tmp_path, 3, degradation), planted(name=name)
    stored = cache_targets(teacher, store, tmp_path / "targets")
    assert isinstance(stored, PairStore)
    assert calls(teacher) == 3
    for place in range(3):
        pair = stored.pair(place)
        assert pair.target.dtype == np.uint8
        assert np.array_equal(pair.target, restore_pair(teacher, pair))
        assert not np.array_equal(pair.target, pair.degraded)


def test_eight_bits_are_half_a_level_from_the_exact_target(tmp_path):
    teacher = planted()
    pair = cache_targets(teacher, pairs(tmp_path, 1), tmp_path / "targets").pair(0)
    exact = teacher.restore(to_tensor(np.asarray(pair.degraded)))
    assert (to_tensor(np.asarray(pair.target)) - exact).abs().max() <= 0.5 / 255 + 1e-6


def test_crops_of_targets_come_from_the_same_place_as_the_rest(tmp_path):
    store = cache_targets(planted(), pairs(tmp_path), tmp_path / "targets")
    patches = Patches(store, 32, 8, seed=3)
    assert patches.parts == ("reference", "degraded", "target")
    batch = patches.batch(0)["target"]
    for patch, place in zip(batch, patches.places(range(8)), strict=True):
        target = store.pair(place.pair).target
        crop = target[place.top : place.top + 32, place.left : place.left + 32]
        assert np.array_equal(to_frame(patch), turned(crop, place.symmetry))


def test_what_is_stored_is_not_computed_again_by_whoever_asks(tmp_path):
    first, second = planted(), planted()
    cache_targets(first, pairs(tmp_path, 3), tmp_path / "targets")
    reports: list[Caching] = []
    cache_targets(second, pairs(tmp_path, 4), tmp_path / "targets", report=reports.append)
    assert (calls(first), calls(second)) == (3, 1)  # another list of pairs shares the three
    assert (reports[0].computed, reports[0].found) == (1, 3)
    frame = pairs(tmp_path, 4).entries[3]
    assert reports[0].pixels == frame.width * frame.height
    assert reports[0].frames_per_second == pytest.approx(1 / reports[0].seconds)
    assert reports[0].seconds_per_megapixel == pytest.approx(reports[0].seconds * 1e6 / reports[0].pixels)
    cache_targets(second, pairs(tmp_path, 4), tmp_path / "targets", report=reports.append)
    assert reports[1].row() == {
        "computed": 0, "found": 4, "frames_per_second": None, "seconds_per_megapixel": None
    }  # fmt: skip


def test_a_change_recomputes_what_it_touches_and_nothing_else(tmp_path):
    store, teacher = pairs(tmp_path), planted(name=X4)
    cache_targets(teacher, store, tmp_path)
    others = {
        "weights": (planted(0.6, X4), store, None),
        "teacher": (planted(0.5, "rlfn-x4"), store, None),
        "precision": (replace(teacher, precision="bf16"), store, None),
        "tile": (teacher, store, 96),
        "degradation": (teacher, pairs(tmp_path, degradation="bilinear-x4"), None),
    }
    for what, (who, where, tile) in others.items():
        assert len(missing_targets(who, where, tmp_path, tile)) == 4, what
    origin = replace(teacher, weights="released", sha256="of another file")
    assert missing_targets(origin, store, tmp_path) == []  # the same tensors in another file
    assert missing_targets(teacher, pairs(tmp_path, seed=2), tmp_path) == []  # bicubic draws nothing


def test_noise_of_another_seed_is_another_target(tmp_path):
    noisy = {"kind": "noise", "sigma": 5.0}
    stores = [pairs(tmp_path, 2, noisy, seed) for seed in (1, 2, 1)]
    paths = [target_paths(planted(), store, tmp_path) for store in stores]
    assert paths[0] == paths[2]
    assert not set(paths[0].values()) & set(paths[1].values())


def test_the_name_of_a_target_follows_from_the_content_that_is_read(tmp_path):
    store, teacher = pairs(tmp_path, 1), planted(name=X4)
    entry = store.entries[0]
    hashes = [
        hashlib.sha256((store.folder / file).read_bytes()[:-32]).hexdigest()
        for file in (entry.degraded, entry.small)
    ]
    name = hashlib.sha256(f'["{hashes[0]}", "{hashes[1]}"]'.encode()).hexdigest()
    path = target_paths(teacher, store, tmp_path)[entry.name]
    assert path.relative_to(tmp_path).parts == (target_key(teacher).folder, name[:2], f"{name[:40]}.npy")
    alone = hashlib.sha256(f'["{hashes[0]}"]'.encode()).hexdigest()
    assert target_paths(planted(), store, tmp_path)[entry.name].stem == alone[:40]


def test_frames_of_the_same_content_share_one_target(tmp_path):
    one = made(1)
    twin = Reference(**{**vars(one), "frame": "twin", "clip": "twin"})
    store = prepare_pairs([one, twin], "bicubic-x4", 1, tmp_path / "pairs")
    teacher, reports = planted(), []
    assert missing_targets(teacher, store, tmp_path) == [store.entries[0]]  # else two processes get one each
    stored = cache_targets(teacher, store, tmp_path, report=reports.append)
    assert calls(teacher) == 1
    assert (reports[0].computed, reports[0].found) == (1, 1)
    assert np.array_equal(stored.pair(0).target, stored.pair(1).target)


@pytest.mark.parametrize("damage", ["flipped", "short", "empty", "stranger", "gone"])
def test_a_damaged_target_is_computed_again_and_no_other(tmp_path, damage):
    store, teacher = pairs(tmp_path), planted()
    stored = cache_targets(teacher, store, tmp_path)
    path = stored.targets[store.entries[1].name]
    content = path.read_bytes()
    broken = {
        "flipped": content[:500] + bytes([content[500] ^ 1]) + content[501:],
        "short": content[:-7],
        "empty": b"",
        "stranger": b"not an array",
    }
    path.unlink()
    if damage != "gone":
        path.write_bytes(broken[damage])
    assert missing_targets(teacher, store, tmp_path) == [store.entries[1]]
    cache_targets(teacher, store, tmp_path)
    assert calls(teacher) == 5
    assert path.read_bytes() == content


@pytest.mark.parametrize("file", ["degraded", "small"])
def test_a_damaged_pair_is_not_restored(tmp_path, file):
    store, teacher = pairs(tmp_path, 2), planted(name=X4)
    path = store.folder / getattr(store.entries[0], file)
    content = bytearray(path.read_bytes())
    content[300] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"pair 'frame-000': {file}/.* is damaged; prepare the pairs again"):
        cache_targets(teacher, store, tmp_path)
    path.unlink()
    with pytest.raises(ValueError, match=f"{path.name} is gone or empty; prepare the pairs again"):
        cache_targets(teacher, store, tmp_path)


def test_shards_are_disjoint_complete_and_of_equal_weight(rng):
    sides = rng.integers(64, 2000, (57, 2)).tolist()
    entries = [
        PairEntry(f"f{i}", "", "", "", "", 0, width, height, 1, "", "")
        for i, (width, height) in enumerate(sides)
    ]
    shards = [shard_of(entries, (index, 5)) for index in range(5)]
    names = [entry.name for shard in shards for entry in shard]
    assert sorted(names) == sorted(entry.name for entry in entries)
    loads = [sum(entry.width * entry.height for entry in shard) for shard in shards]
    assert max(loads) / min(loads) < 1.02
    backwards = [{entry.name for entry in shard_of(entries[::-1], (index, 5))} for index in range(5)]
    assert backwards == [{entry.name for entry in shard} for shard in shards]


@pytest.mark.parametrize("shard", [(2, 2), (-1, 2), (0, 0)])
def test_an_impossible_shard_is_refused(tmp_path, shard):
    with pytest.raises(ValueError, match=r"shard: expected \(i, N\) with 0 <= i < N"):
        cache_targets(planted(), pairs(tmp_path, 2), tmp_path, shard=shard)


def test_shards_of_a_job_array_make_together_what_one_process_makes(tmp_path):
    store = pairs(tmp_path)
    whole = cache_targets(planted(), store, tmp_path / "whole")
    workers = [planted(), planted()]
    parts = [cache_targets(who, store, tmp_path / "shared", shard=(i, 2)) for i, who in enumerate(workers)]
    assert sorted(e.name for part in parts for e in part.entries) == sorted(e.name for e in store.entries)
    assert [calls(who) for who in workers] == [len(part) for part in parts]
    last = planted()
    joined = cache_targets(last, store, tmp_path / "shared")
    assert calls(last) == 0
    for place in range(4):
        assert np.array_equal(joined.pair(place).target, whole.pair(place).target)


def test_tiles_are_those_of_the_teacher(tmp_path):
    store, teacher = pairs(tmp_path, 2), planted(name=X4)
    stored = cache_targets(teacher, store, tmp_path, tile=80)
    for place in range(2):
        pair = stored.pair(place)
        tiled = teacher.restore_tiled(np.asarray(pair.degraded), pair.small, 80)
        assert np.array_equal(pair.target, tiled)


def test_progress_counts_what_this_process_restores(tmp_path):
    store, told = pairs(tmp_path), []
    cache_targets(planted(), store, tmp_path, shard=(0, 2))
    left = len(missing_targets(planted(), store, tmp_path))
    cache_targets(planted(), store, tmp_path, progress=lambda *now: told.append(now))
    assert [(done, total) for done, total, _ in told] == [(n + 1, left) for n in range(left)]
    assert all(rate > 0 for _, _, rate in told)


def test_the_hash_of_weights_is_of_the_tensors_alone():
    network = load_teacher("unet", "random", seed=4).network
    same, other = (load_teacher("unet", "random", seed=seed).network for seed in (4, 5))
    assert hash_weights(network) == hash_weights(same) != hash_weights(other)
    with torch.no_grad():
        next(same.parameters()).view(-1)[0].add_(1e-6)
    assert hash_weights(network) != hash_weights(same)
    assert hash_weights(Sharpener(1.0)) != hash_weights(Sharpener(1.0).half())


def test_old_part_files_are_swept(tmp_path):
    store, teacher = pairs(tmp_path, 1), planted()
    folder = cache_targets(teacher, store, tmp_path / "targets").targets["frame-000"].parent
    old, young = folder / ".old.part.npy", folder / ".young.part.npy"
    for part in (old, young):
        part.write_bytes(b"half")
    os.utime(old, (0, 0))
    cache_targets(teacher, store, tmp_path / "targets")
    assert [old.exists(), young.exists()] == [False, True]
