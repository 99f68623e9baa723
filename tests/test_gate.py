"""The gate against planted teachers whose worth is known, and against hand arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from sharpstudy.baselines import Unsharp
from sharpstudy.data.degrade import Blur, degrade, shrink
from sharpstudy.data.frames import to_frame, to_tensor
from sharpstudy.data.pairs import Pair, PairStore, prepare_pairs
from sharpstudy.data.references import Reference, hash_frame
from sharpstudy.data.resample import enlarge
from sharpstudy.data.screens import render_screen
from sharpstudy.metrics import psnr, ssim
from sharpstudy.teachers import TEACHERS, Teacher, TeacherError, load_teacher
from sharpstudy.teachers.gate import (
    DO_NOTHING,
    TEACHER,
    UNSHARP,
    GateResult,
    TeacherRefused,
    gate_teacher,
    judge_teacher,
    restore_pair,
    tuned_on,
)
from sharpstudy.teachers.small import small_behind

MASK = Unsharp(1.0, 0.5)


def pairs_of(clips: int = 6, frames_per_clip: int = 2) -> list[Pair]:
    """Blurred drawn screens; a clip's frames are neighbouring crops of one drawing."""
    pairs = []
    for clip in range(clips):
        screen = render_screen("document", clip, width=320, height=240)
        for index in range(frames_per_clip):
            reference = np.ascontiguousarray(screen[8 * index : 8 * index + 64, 20:116])
            name = f"clip{clip}/{index}"
            pairs.append(
                Pair(name, name, f"clip{clip}", "text", reference, degrade(reference, Blur(9, 1.2), 0))
            )
    return pairs


def halfway(pair: Pair, share: float) -> np.ndarray:
    """The degraded frame moved towards the reference by a share, or away from it."""
    moved = pair.degraded + share * (pair.reference.astype(float) - pair.degraded)
    return np.rint(moved.clip(0, 255)).astype(np.uint8)


def test_a_teacher_that_helps_passes_with_the_figures_that_follow_from_the_frames():
    pairs = pairs_of()
    restored = [halfway(pair, 0.5) for pair in pairs]
    result = judge_teacher(restored, pairs, MASK, "planted")
    gains = [
        psnr(p.reference, r) - psnr(p.reference, p.degraded) for p, r in zip(pairs, restored, strict=True)
    ]
    assert result.passed
    assert result.gains["psnr"].difference == pytest.approx(np.mean(gains))
    assert result.gains["psnr"].difference == pytest.approx(20 * np.log10(2), abs=0.1)  # half the error
    assert result.gains["psnr"].frames == 12
    assert result.gains["psnr"].clips == 6
    sharpened = [ssim(p.reference, MASK.restore(p.degraded)) for p in pairs]
    assert result.means["ssim"][UNSHARP] == pytest.approx(np.mean(sharpened))
    assert result.means["psnr"][DO_NOTHING] == pytest.approx(
        np.mean([psnr(pair.reference, pair.degraded) for pair in pairs])
    )
    assert len(result.scores) == 12 * 3 * 2


@pytest.mark.parametrize("share", [-0.3, 0.0])
def test_a_teacher_that_harms_or_does_nothing_does_not_pass(share):
    pairs = pairs_of()
    result = judge_teacher([halfway(pair, share) for pair in pairs], pairs, MASK)
    assert not result.passed
    assert result.gains["psnr"].difference == pytest.approx(20 * np.log10(1 / (1 - share)), abs=0.1)


def test_a_gain_on_average_that_the_clips_do_not_agree_on_does_not_pass():
    pairs = pairs_of(clips=6)
    shares = [0.7, -0.3, -0.25, 0.3, -0.2, -0.25]
    restored = [halfway(pair, shares[int(pair.clip[4:])]) for pair in pairs]
    result = judge_teacher(restored, pairs, MASK)
    assert result.gains["psnr"].difference > 0.1
    assert result.gains["psnr"].low < 0
    assert not result.passed


def test_frames_of_one_clip_do_not_count_as_independent():
    """The same disagreement over three clips is less certain than over thirty frames taken one by one."""
    pairs = pairs_of(clips=3, frames_per_clip=10)
    shares = {"clip0": 0.5, "clip1": 0.05, "clip2": 0.2}
    restored = [halfway(pair, shares[pair.clip]) for pair in pairs]
    clustered = judge_teacher(restored, pairs, MASK).gains["psnr"]
    loose = [Pair(p.name, p.frame, p.name, p.category, p.reference, p.degraded) for p in pairs]
    single = judge_teacher(restored, loose, MASK).gains["psnr"]
    assert clustered.difference == pytest.approx(single.difference)
    assert clustered.high - clustered.low > 2 * (single.high - single.low)


def test_a_higher_psnr_with_a_worse_ssim_does_not_pass():
    """Noise in flat places costs much SSIM and little PSNR."""
    rng = np.random.default_rng(3)
    pairs = pairs_of()
    restored = []
    for pair in pairs:
        near = halfway(pair, 0.6).astype(float) + rng.normal(0, 12, pair.reference.shape)
        restored.append(np.rint(near.clip(0, 255)).astype(np.uint8))
    result = judge_teacher(restored, pairs, MASK)
    assert result.gains["psnr"].low > 0
    assert result.gains["ssim"].word == "worse"
    assert not result.passed


def test_one_clip_is_not_enough():
    pairs = pairs_of(clips=1)
    with pytest.raises(ValueError, match="expected pairs of at least 2 clips, got 1"):
        judge_teacher([pair.reference for pair in pairs], pairs, MASK)


class Planted(nn.Module):
    """A "network" that sharpens by a fixed kernel: strength 0 does nothing, negative strengths blur."""

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.strength * (x - nn.functional.avg_pool2d(x, 5, 1, 2, count_include_pad=False))


def planted(strength: float, weights: str = "official", name: str = "unet") -> Teacher:
    return Teacher(TEACHERS[name], Planted(strength), weights, None, torch.device("cpu"), "fp32")


def test_the_refusal_gives_all_the_figures():
    pairs = pairs_of()
    with pytest.raises(TeacherRefused) as caught:
        gate_teacher(planted(-1.0), pairs)
    text, result = str(caught.value), caught.value.result
    assert isinstance(result, GateResult)
    assert isinstance(caught.value, TeacherError)
    gain, means = result.gains["psnr"], result.means["psnr"]
    assert "teacher 'unet' (official) is refused" in text
    assert f"{gain.difference:+.3f} dB [{gain.low:+.3f}, {gain.high:+.3f}]" in text
    assert "n = 12 pairs of 6 clips" in text
    assert f"do nothing {means[DO_NOTHING]:.2f} dB" in text
    assert f"tuned unsharp {means[UNSHARP]:.2f} dB" in text
    assert f"teacher {means[TEACHER]:.2f} dB" in text
    assert text.endswith("against the mask: worse")
    assert means[UNSHARP] > means[DO_NOTHING] > means[TEACHER]


def test_random_weights_are_let_through_as_a_named_control_alone():
    result = gate_teacher(load_teacher("unet", "random"), pairs_of())
    assert result.role == "control"
    assert not result.passed
    assert "control 'unet' (random) does not pass" in str(result)
    assert gate_teacher(planted(0.8), pairs_of()).role == "teacher"


def test_the_mask_is_tuned_on_the_pairs_themselves():
    pairs = pairs_of()
    mask = tuned_on(pairs)
    assert mask.amount > 0.3
    result = gate_teacher(planted(0.8), pairs)
    assert result.unsharp == mask
    assert (
        result.means["psnr"][UNSHARP]
        >= judge_teacher([pair.degraded for pair in pairs], pairs, MASK).means["psnr"][UNSHARP]
    )


def test_stored_pairs_are_judged_as_they_lie_on_disk(tmp_path):
    references = []
    for seed in range(3):
        frame = render_screen("document", seed, width=96, height=64)
        name, loader = f"screen{seed}", (lambda frame=frame: frame)
        place = ("text", "validation", 96, 64, "drawn", "CC0", hash_frame(frame))
        references.append(Reference(name, name, *place, loader=loader))
    store = prepare_pairs(references, Blur(9, 1.2), 0, tmp_path)
    assert isinstance(store, PairStore)
    result = gate_teacher(planted(0.8), store)
    assert result.gains["psnr"].frames == 3
    degraded = degrade(references[0].load(), Blur(9, 1.2), 0)
    first = result.scores.query("model == @DO_NOTHING and frame == 'screen0' and metric == 'psnr'")
    assert first["value"].item() == pytest.approx(psnr(references[0].load(), degraded))


def test_an_enlarging_teacher_reads_the_stored_small_frame_where_it_fits():
    reference = render_screen("document", 1, width=96, height=64)
    seen: list[np.ndarray] = []

    class Watching(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x[0].mul(255).round().byte().permute(1, 2, 0).numpy())
            return nn.functional.interpolate(x, scale_factor=4)

    info = TEACHERS["srgan-generator-x4"]
    teacher = Teacher(info, Watching(), "official", None, torch.device("cpu"), "fp32")
    for factor in (4, 2):
        small = shrink(reference, factor)
        degraded = enlarge(small, reference.shape[:2])
        restore_pair(teacher, Pair("a", "a", "a", "text", reference, degraded, small))
        expected = small if factor == 4 else to_frame(small_behind(to_tensor(degraded), 4))
        assert np.array_equal(seen[-1], expected)
