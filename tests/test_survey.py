"""The survey of prepared pairs against sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sharpstudy.data.pairs import prepare_pairs
from sharpstudy.data.references import hash_frame, make_reference
from sharpstudy.data.survey import busiest_square, gradient, pair_list, patch_table


def reference(frame: np.ndarray, name: str):
    facts = {"clip": name, "category": "text", "split": "test", "source": "here", "licence": "none"}
    return make_reference(frame, name=name, loader=lambda: frame, **facts)


def test_the_gradient_of_a_ramp_is_its_slope():
    ramp = np.repeat((3 * np.arange(20, dtype=np.uint8))[None, :, None], 3, axis=2).repeat(10, axis=0)
    steep = gradient(ramp)
    assert steep.shape == (10, 20)
    assert np.allclose(steep[:-1, :-1], 3, atol=1e-4)
    assert (steep[-1] == 0).all()


def test_the_busiest_square_is_found(rng):
    frame = np.full((120, 200, 3), 90, np.uint8)
    frame[40:72, 130:162] = rng.integers(0, 256, (32, 32, 3))
    top, left, side = busiest_square(frame, 34)
    assert side == 34
    assert abs(top - 39) <= 1
    assert abs(left - 129) <= 1
    assert busiest_square(frame[:20, :16], 34)[2] == 16


def test_the_list_holds_every_pair_with_the_hash_of_its_pixels(tmp_path, rng):
    references = [reference(rng.integers(0, 256, (48, 40, 3), dtype=np.uint8), f"one-{n}") for n in range(2)]
    stores = {name: prepare_pairs(references, name, 3, tmp_path) for name in ("clean", "bicubic-x2")}
    table = pair_list(stores, 3)
    assert table["degradation"].tolist() == ["clean", "clean", "bicubic-x2", "bicubic-x2"]
    assert table["sha256"][0] == references[0].sha256  # doing nothing leaves the pixels
    assert table["sha256"][2] == hash_frame(np.asarray(stores["bicubic-x2"].pair(0).degraded))
    assert table["sha256"].nunique() == 4


def test_patches_are_counted_and_measured(tmp_path):
    frame = np.full((70, 100, 3), 100, np.uint8)
    store = prepare_pairs([reference(frame, "flat")], {"kind": "noise", "sigma": 10}, 1, tmp_path)
    table = patch_table(store, 32)
    assert len(table) == 2 * 3
    assert table["detail"].eq(0).all()
    assert table["lost"].mean() == pytest.approx(10 * np.log10(255**2 / 100), abs=0.3)  # 28.1 dB for sigma 10
    untouched = patch_table(prepare_pairs([reference(frame, "flat")], "clean", 1, tmp_path), 32)
    assert untouched["lost"].eq(80).all()
