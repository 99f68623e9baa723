"""The kinds of degradation, their names and mappings, and what is drawn from the seed."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from sharpstudy.data.degrade import (
    DEGRADATIONS,
    LADDERS,
    Blind,
    Blur,
    Call,
    Chain,
    Clean,
    DegradationError,
    DownUp,
    Jpeg,
    Mixed,
    Noise,
    degrade,
    degrade_clip,
    describe,
    enlarge,
    parse_degradation,
    settings_key,
    shrink,
    small_frame,
    to_mapping,
)


def texture(rng, height=96, width=128):
    """A frame with soft shapes, hard edges and fine detail, away from 0 and 255."""
    layers = [
        Image.fromarray(rng.integers(30, 226, (height // cell + 2, width // cell + 2, 3), dtype=np.uint8))
        for cell in (2, 6, 18)
    ]
    soft = np.mean([np.asarray(x.resize((width, height), Image.BICUBIC), float) for x in layers], axis=0)
    soft[height // 3 : height // 2, width // 4 : width // 2] = 60
    return soft.astype(np.uint8)


def psnr(a, b):
    return 10 * np.log10(255**2 / max(np.mean((a.astype(float) - b) ** 2), 1e-9))


def needs_av(settings):
    if "call" in describe(settings):
        pytest.importorskip("av")


@pytest.mark.parametrize("name", DEGRADATIONS)
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (33, 50)])
def test_size_and_type_stay_and_the_seed_decides(rng, name, size):
    settings = DEGRADATIONS[name]
    needs_av(settings)
    reference = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    before = reference.copy()
    for seed in (0, 7):
        degraded = degrade(reference, settings, seed)
        assert degraded.shape == reference.shape
        assert degraded.dtype == np.uint8
        assert not np.shares_memory(degraded, reference)
        np.testing.assert_array_equal(degraded, degrade(reference, settings, seed))
    np.testing.assert_array_equal(reference, before)


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_flat_frames_stay_nearly_flat(name):
    settings = DEGRADATIONS[name]
    if name == "blind":
        settings = Blind(noise=0)
    needs_av(settings)
    flat = np.full((48, 64, 3), (200, 90, 40), np.uint8)
    for seed in range(3):
        assert np.abs(degrade(flat, settings, seed).astype(int) - flat).max() <= 4


def test_clean_is_the_reference(rng):
    frame = texture(rng)
    np.testing.assert_array_equal(degrade(frame, Clean(), 1), frame)


@pytest.mark.parametrize("family", LADDERS)
def test_ladders_rise_in_strength(rng, family):
    frame = texture(rng, 180, 320)
    needs_av(DEGRADATIONS[LADDERS[family][0]])
    scores = [psnr(degrade(frame, DEGRADATIONS[name], 0), frame) for name in LADDERS[family]]
    assert all(mild > strong + 0.1 for mild, strong in pairwise(scores)), scores


@pytest.mark.parametrize(("kernel", "sigma"), [(5, 1.0), (7, 1.5), (9, 2.5)])
def test_blur_is_the_mean_under_a_sampled_gaussian(rng, kernel, sigma):
    frame, reach = texture(rng, 24, 31), kernel // 2
    line = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights = np.outer(line, line) / line.sum() ** 2
    wide = np.pad(frame.astype(float), ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(wide, (kernel, kernel), axis=(0, 1))
    expected = (windows * weights).sum(axis=(-2, -1))
    assert np.abs(degrade(frame, Blur(kernel, sigma), 0) - expected).max() < 0.51


def test_blur_draws_kernel_and_sigma():
    drawn = [Blur().drawn(np.random.default_rng(seed)) for seed in range(200)]
    assert {settings.kernel for settings in drawn} == {5, 7, 9}
    sigmas = np.array([settings.sigma for settings in drawn])
    assert 1.0 <= sigmas.min() < 1.1
    assert 2.4 < sigmas.max() <= 2.5


def test_noise_has_its_strength_and_no_bias():
    flat = np.full((200, 200, 3), 128, np.uint8)
    error = degrade(flat, Noise(6), 3).astype(float) - 128
    assert error.std() == pytest.approx(np.hypot(6, np.sqrt(1 / 12)), rel=0.02)  # and that of rounding
    assert abs(error.mean()) < 0.1
    assert not np.array_equal(degrade(flat, Noise(6), 3), degrade(flat, Noise(6), 4))


def test_jpeg_is_pillows_with_halved_chroma(rng):
    frame, file = texture(rng, 41, 57), io.BytesIO()
    Image.fromarray(frame).save(file, "JPEG", quality=30, subsampling="4:2:0")
    np.testing.assert_array_equal(degrade(frame, Jpeg(30), 0), np.asarray(Image.open(file)))


def test_mixed_takes_each_choice_and_chain_all_steps(rng):
    frame = texture(rng)
    cubic, linear = DownUp(2), DownUp(2, "bilinear")
    both = {degrade(frame, settings, 0).tobytes() for settings in (cubic, linear)}
    assert {degrade(frame, Mixed((cubic, linear)), seed).tobytes() for seed in range(12)} == both
    chained = degrade(frame, Chain((Blur(5, 1.0), DownUp(3), Jpeg(60))), 0)
    by_hand = degrade(degrade(degrade(frame, Blur(5, 1.0), 0), DownUp(3), 0), Jpeg(60), 0)
    np.testing.assert_array_equal(chained, by_hand)


@pytest.mark.parametrize(
    "name", ["bicubic-x2", "bicubic-x3", "bicubic-x4", "bilinear-x4", "mixed-x4", "mixed-x2"]
)
def test_the_small_frame_is_the_one_inside(rng, name):
    frame = texture(rng, 91, 122)
    for seed in range(4):
        small = small_frame(frame, DEGRADATIONS[name], seed)
        factor = int(name[-1])
        assert small.shape[:2] == (-(-91 // factor), -(-122 // factor))
        degraded = degrade(frame, DEGRADATIONS[name], seed)
        methods = ("bicubic", "bilinear") if name.startswith("mixed") else (name.split("-")[0],)
        assert any(
            np.array_equal(small, shrink(frame, factor, method))
            and np.array_equal(degraded, enlarge(small, (91, 122), method, factor))
            for method in methods
        )


def test_a_random_phase_is_the_same_for_the_small_frame(rng):
    frame, settings = texture(rng), DownUp(2.5, "bicubic", "bilinear", "random")
    drawn = settings.drawn(np.random.default_rng(5))
    assert all(0 <= p < 2.5 for p in drawn.phase)
    large = enlarge(small_frame(frame, settings, 5), frame.shape[:2], "bilinear", 2.5, drawn.phase)
    np.testing.assert_array_equal(degrade(frame, settings, 5), large)
    assert not np.array_equal(large, degrade(frame, settings, 6))


@pytest.mark.parametrize("name", ["blur-2.0", "call-300k", "blind"])
def test_other_degradations_have_no_small_frame(rng, name):
    with pytest.raises(DegradationError, match="settings: expected a down-up"):
        small_frame(texture(rng), DEGRADATIONS[name], 0)


def test_blind_draws_what_it_says():
    drawn = [Blind().drawn(np.random.default_rng(seed)) for seed in range(3000)]
    whole = [settings for settings in drawn if isinstance(settings, (Call, Blur, Jpeg))]
    chains = [settings for settings in drawn if isinstance(settings, Chain)]
    share = {kind: len([one for one in drawn if isinstance(one, kind)]) / 3000 for kind in (Clean, Blur)}
    assert share[Clean] == pytest.approx(0.08, abs=0.02)
    assert len(whole) / 3000 == pytest.approx(0.92 * 0.25, abs=0.02)
    assert share[Blur] == pytest.approx(0.92 * 0.25 * 0.3, abs=0.02)
    assert len(chains) + len(whole) + round(3000 * share[Clean]) == 3000
    full = [one for one in whole if isinstance(one, Call)]
    assert len(full) / len(whole) == pytest.approx(0.5, abs=0.06)
    assert all(500 <= call.kbps <= 3000 and call.factor == 1 for call in full)
    steps = [step for settings in chains for step in settings.steps]
    noisy = len([step for step in steps if isinstance(step, Noise)])
    assert noisy / len(chains) == pytest.approx(0.08, abs=0.02)
    down_ups = [step for step in steps if isinstance(step, DownUp)]
    calls = [step for step in steps if isinstance(step, Call)]
    assert len(calls) / len(chains) == pytest.approx(0.7, abs=0.03)
    assert {step.method for step in down_ups} == {"bicubic", "bilinear", "area", "lanczos"}
    factors = np.array([step.factor for step in down_ups])
    assert np.median(factors) == pytest.approx(2, abs=0.15)  # as many below twice as above
    assert factors.max() > 3.9
    assert all(100 <= call.kbps <= 1500 and 1 <= call.factor <= 4 for call in calls)
    assert np.corrcoef([np.log(c.kbps) for c in calls], [c.factor for c in calls])[0, 1] < -0.8


def test_a_clip_shares_one_draw_and_gets_new_noise(rng):
    frame = texture(rng)
    settings = Mixed((DownUp(3, phase="random"), Blur(), Jpeg((20, 80))))
    for seed in range(6):
        clip = degrade_clip([frame] * 3, settings, seed)
        assert len(clip) == 3
        np.testing.assert_array_equal(clip[0], clip[2])
        np.testing.assert_array_equal(clip[0], degrade(frame, settings, seed))
    noisy = degrade_clip([frame] * 2, Noise(5), 0)
    assert not np.array_equal(noisy[0], noisy[1])


def test_a_clip_is_one_stream(rng):
    pytest.importorskip("av")
    wide = texture(rng, 180, 400)
    frames = [wide[:, i : i + 320] for i in range(0, 40, 2)]
    arrived = degrade_clip(frames, Call(500), 0)
    assert len(arrived) == len(frames)
    first_alone = degrade_clip([frames[0], frames[0]], Call(500), 0)[0]
    np.testing.assert_array_equal(arrived[0], first_alone)
    scores = [psnr(a, b) for a, b in zip(arrived, frames, strict=True)]
    assert scores[-1] > scores[0] - 3  # the stream keeps up with the motion
    assert not np.array_equal(arrived[10], degrade(frames[10], Call(500), 0))


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_settings_survive_their_mapping(name):
    settings = DEGRADATIONS[name]
    assert parse_degradation(name) is settings
    assert parse_degradation(to_mapping(settings)) == settings


def test_a_mapping_is_read_as_yaml_gives_it():
    spec = {"kind": "chain", "steps": [{"kind": "blur", "kernel": [5, 9], "sigma": [1, 2]}, "bicubic-x2"]}
    assert parse_degradation(spec) == Chain((Blur((5, 9), (1, 2)), DownUp(2)))
    shifted = {"kind": "down-up", "factor": 4, "method": "bicubic", "phase": [1, 2]}
    assert parse_degradation(shifted) == DownUp(4, phase=(1.0, 2.0))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("bicubic", "degradation: expected one of clean, .*got 'bicubic'"),
        (4, "degradation: expected a name or a mapping"),
        ({"factor": 4}, "kind: expected one of clean, down-up"),
        ({"kind": "zoom"}, "kind: .*got 'zoom'"),
        (
            {"kind": "down-up", "factor": 4, "scale": 4},
            "down-up setting: expected one of factor, method.*got 'scale'",
        ),
        ({"kind": "down-up"}, "down-up: expected the settings factor"),
        ({"kind": "down-up", "factor": "4"}, "factor: .*got '4'"),
        ({"kind": "clean", "factor": 4}, "clean setting: expected one of none, got 'factor'"),
        ({"kind": "blur", "kernel": 4}, "kernel: expected an odd whole number"),
        ({"kind": "blur", "kernel": []}, "kernel"),
        ({"kind": "blur", "sigma": [2, 1]}, "sigma: .*rising pair"),
        ({"kind": "blur", "sigma": [1, 2, 3]}, "sigma"),
        ({"kind": "noise", "sigma": -1}, "sigma"),
        ({"kind": "jpeg", "quality": 30.5}, "quality: expected whole numbers"),
        ({"kind": "jpeg", "quality": 99}, "quality: expected a number from 1 to 95"),
        ({"kind": "mixed", "choices": []}, "choices: expected a tuple of at least one"),
        ({"kind": "mixed", "choices": "blur"}, "choices: expected a list"),
        ({"kind": "chain", "steps": ["blur", "nothing"]}, "got 'nothing'"),
        ({"kind": "blind", "clean": 1.5}, "clean: expected a number from 0 to 1"),
        ({"kind": "blind", "methods": ["nearest"]}, "methods: expected one of"),
    ],
)
def test_bad_specs_are_refused_by_name(spec, message):
    with pytest.raises(DegradationError, match=message):
        parse_degradation(spec)


def test_bad_calls_are_refused_by_name(rng):
    frame = texture(rng)
    with pytest.raises(DegradationError, match=r"reference: expected a uint8 frame .*float64"):
        degrade(frame / 255, Clean(), 0)
    with pytest.raises(DegradationError, match="seed: expected a whole number from 0, got -1"):
        degrade(frame, Clean(), -1)
    with pytest.raises(DegradationError, match=r"settings: expected a degradation .*got 'clean'"):
        degrade(frame, "clean", 0)
    with pytest.raises(DegradationError, match="references: expected at least one frame"):
        degrade_clip([], Clean(), 0)
    with pytest.raises(DegradationError, match=r"references\[1\]: expected the first frame's shape"):
        degrade_clip([frame, frame[1:]], Clean(), 0)


def test_keys_are_stable_and_tell_settings_apart():
    keys = {settings_key(settings) for settings in DEGRADATIONS.values()}
    assert len(keys) == len(DEGRADATIONS)
    assert settings_key(DownUp(4)) == settings_key(DownUp(4.0, phase=(0, 0))) == "f89e8cb70ec6285e"
    assert settings_key(DownUp(4, up="bilinear")) != settings_key(DownUp(4))


def test_every_degradation_is_told_in_one_sentence():
    for settings in DEGRADATIONS.values():
        sentence = describe(settings)
        assert sentence.startswith("The frame is ")
        assert sentence.endswith(".")
        assert "\n" not in sentence
    assert describe(DownUp(4)) == "The frame is scaled down by 4 and up again (antialiased bicubic)."
    assert "sigma 1 to 2.5" in describe(Blur())


def test_blind_leaves_the_size_alone_in_the_way_it_is_told():
    drawn = [
        Blind(clean=0, unscaled=1, unscaled_call=0.65).drawn(np.random.default_rng(seed))
        for seed in range(2000)
    ]
    share = {kind: len([one for one in drawn if isinstance(one, kind)]) / 2000 for kind in (Call, Blur, Jpeg)}
    assert share == pytest.approx({Call: 0.65, Blur: 0.21, Jpeg: 0.14}, abs=0.03)
    with pytest.raises(DegradationError, match="unscaled_call"):
        Blind(unscaled_call=1.2)
