"""Perceptual hashes against their definition, all pairs against counted bits, and real copies."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps

from sharpstudy.data import duplicates
from sharpstudy.data.folder import load_folder
from sharpstudy.data.frames import read_frame, write_frame
from sharpstudy.data.references import hash_frame
from sharpstudy.data.sources import load_source
from tests.material import scene


def recoded(frame: np.ndarray, quality: int) -> np.ndarray:
    data = io.BytesIO()
    Image.fromarray(frame).save(data, "JPEG", quality=quality)
    return np.asarray(Image.open(data))


def test_hashes_agree_with_their_definition(rng):
    grey = rng.integers(0, 256, (32, 32)).astype(np.uint8)
    k, n = np.arange(8)[:, None], np.arange(32)[None]
    basis = np.cos(np.pi * k * (2 * n + 1) / 64) * np.where(k == 0, np.sqrt(1 / 32), np.sqrt(2 / 32))
    low = basis @ grey.astype(float) @ basis.T
    expected = low > np.sort(low.ravel()[1:])[31]  # the middle one of 63
    np.testing.assert_array_equal(duplicates.dct_hash(grey), expected.ravel())
    wide = np.array([[1, 2, 2, 0]], np.uint8)
    assert duplicates.gradient_hash(wide).tolist() == [True, False, False]


def test_all_pairs_agree_with_counted_bits(rng):
    count = 1100  # more than one block of rows
    bits = rng.random((count, 2, 2, 64)) < 0.5
    thumbnails = np.ones((count, 32, 32), np.float32) / 32
    bits[1090, 0] = bits[3, 0]
    bits[1090, 0, 0, :7] ^= True
    bits[1030, 1] = bits[1095, 0]
    bits[500, 0] = bits[400, 0]
    bits[500, 0, 0, :11] ^= True  # one bit too far
    found = duplicates.near_duplicates(duplicates.Fingerprints(bits, thumbnails))
    assert found == [(3, 1090, 7), (1030, 1095, 0)]
    counted = (bits[1030:1035, None, 0, 0] ^ bits[None, :, 0, 0]).sum(-1)
    np.testing.assert_array_equal(duplicates._distances(bits[1030:1035, 0, 0], bits[:, 0, 0]), counted)
    thumbnails[1090] = rng.standard_normal((32, 32)) / 32
    found = duplicates.near_duplicates(duplicates.Fingerprints(bits, thumbnails))
    assert found == [(1030, 1095, 0)]


@pytest.mark.parametrize("quality", [30, 80])
def test_copies_are_found_and_others_are_not(quality):
    frames = [scene(seed) for seed in range(12)]
    original = frames[5]
    half = Image.fromarray(original).resize((77, 61), Image.Resampling.BICUBIC)
    darker = (original * 0.8).astype(np.uint8)
    copies = [recoded(original, quality), np.asarray(half), np.asarray(ImageOps.mirror(half)), darker]
    prints = duplicates.joined(duplicates.fingerprint(frame) for frame in [*frames, *copies])
    pairs = {(i, j) for i, j, _ in duplicates.near_duplicates(prints)}
    family = (5, 12, 13, 14, 15)
    assert pairs == {(i, j) for i in family for j in family if i < j}
    groups = duplicates.group_duplicates(prints, [(0, 1)])
    assert len(set(groups)) == 16 - 4 - 1
    assert groups[0] == groups[1]
    assert len({groups[i] for i in family}) == 1


def test_leaks_across_the_split_are_named(tmp_path):
    for name, frame in (("a.png", scene(1)), ("b.png", scene(1)[:, ::-1]), ("c.png", scene(2))):
        write_frame(tmp_path / name, frame)
    a, b, c = load_folder(tmp_path)
    assert duplicates.check_leaks([a, b, c]) == []
    leaks = duplicates.check_leaks([replace(a, split="train"), replace(b, split="test"), c])
    assert leaks == [duplicates.Leak(a.frame, "train", b.frame, "test", "near-duplicate", leaks[0].distance)]
    same = duplicates.check_leaks([replace(a, split="train"), replace(a, frame="x", split="validation")])
    assert [(leak.kind, leak.distance) for leak in same] == [("identical", 0)]
    assert duplicates.check_leaks([]) == []


def test_set5_shares_pictures_with_set14_and_bsds500(assets):
    train = replace(load_source("set14")[0], split="train")
    sets = load_source("set5+set14")
    path = assets / "data/bsds500/train/302003.jpg"
    woman = replace(
        train, frame="302003", loader=lambda: read_frame(path), sha256=hash_frame(read_frame(path))
    )
    as_train = [replace(r, split="train") if r.source == "set5" else r for r in sets]
    found = {(leak.first, leak.second) for leak in duplicates.check_leaks(as_train)}
    assert found == {("set5-img_004_srf_4_hr", "set14-img_006_srf_4_hr")}
    found = {(leak.first, leak.second) for leak in duplicates.check_leaks([woman, *sets])}
    assert found == {("302003", "set5-img_005_srf_4_hr")}


@pytest.mark.slow
def test_no_picture_of_a_training_pool_is_in_a_test_pool(assets):
    pictures = "bsds500+set5+set14+kodak24+hires_camera+hires_cc0+game_screens+call_screens"
    assert duplicates.check_leaks(load_source(pictures)) == []
