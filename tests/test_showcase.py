"""The README's picture: the frame is chosen by rule, and its words are its scores."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from sharpstudy import showcase
from sharpstudy.data.screens import render_screen


def reference(name: str, frame: np.ndarray, category: str = "text", split: str = "test") -> SimpleNamespace:
    return SimpleNamespace(frame=name, load=lambda: frame, category=category, split=split)


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    kinds = ("document", "chart", "code")
    return [render_screen(kind, seed, width=320, height=192) for seed, kind in enumerate(kinds)]


def test_the_frame_of_median_gain_is_shown_with_its_scores(frames):
    names = ("a", "b", "c")
    references = [reference(name, frame) for name, frame in zip(names, frames, strict=True)]
    share = {"a": 0.1, "b": 0.9, "c": 0.4}  # of the way back to the reference: c gains the median

    def sharpen(degraded):
        for one in references:
            if np.array_equal(showcase.delivered(one.load()), degraded):
                mixed = degraded + share[one.frame] * (one.load().astype(float) - degraded)
                return mixed.round().astype(np.uint8)
        raise AssertionError("a frame that was not delivered")

    models = {showcase.CALL: lambda frame: frame, "realtime": sharpen}
    crop = showcase.median_crop(references, models, "the screen of median gain")
    assert crop.words.splitlines()[:2] == ["the screen of median gain", "c"]
    degraded, restored = showcase.delivered(frames[2]), sharpen(showcase.delivered(frames[2]))
    before = peak_signal_noise_ratio(frames[2], degraded)
    gain = peak_signal_noise_ratio(frames[2], restored) - before
    assert f"{showcase.CALL}: {before:.2f} dB\nrealtime: {gain:+.2f} dB" in crop.words
    assert list(crop.frames) == [showcase.CALL, "realtime", "reference"]
    assert {one.shape for one in crop.frames.values()} == {(showcase.SIDE, showcase.SIDE, 3)}


def test_the_mask_is_tuned_on_the_frames_it_is_given(frames):
    models = showcase.make_models(frames[:2], lambda frame: frame)
    degraded = showcase.delivered(frames[0])
    before = peak_signal_noise_ratio(frames[0], degraded)
    assert peak_signal_noise_ratio(frames[0], models["tuned unsharp"](degraded)) >= before
    assert models[showcase.CALL](degraded) is degraded


def test_both_looks_are_written_small(tmp_path, frames, monkeypatch):
    pytest.importorskip("onnxruntime", reason="the released student runs on ONNX Runtime")
    some = [
        reference(f"{category}-{split}", frame, category, split)
        for frame, category in zip(frames, ("text", "people"), strict=False)
        for split in ("validation", "test")
    ]
    monkeypatch.setattr(showcase, "load_source", lambda name: some)
    written = showcase.draw_showcase(tmp_path)
    assert [path.name for path in written] == ["showcase.light.webp", "showcase.dark.webp"]
    pixels = [np.asarray(Image.open(path).convert("RGBA")) for path in written]
    assert pixels[0].shape == pixels[1].shape
    assert (pixels[0] != pixels[1]).any()


def test_the_files_in_the_reference_folder_are_small():
    for look in ("light", "dark"):
        path = showcase.RESULTS / "reference" / f"showcase.{look}.webp"
        assert path.stat().st_size < 150_000
    assert re.fullmatch(r"call-\d+k", showcase.CALL)
