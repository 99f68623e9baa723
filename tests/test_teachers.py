"""The teachers against published counts, hand arithmetic, and what `restore` promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from sharpstudy import teachers
from sharpstudy.data.resample import enlarge
from sharpstudy.teachers import (
    TEACHERS,
    TeacherError,
    build_network,
    load_teacher,
    macs_per_pixel,
    teacher_rows,
)
from sharpstudy.teachers.small import small_behind

# From the papers and the projects' own tables, or counted by hand from the published layouts.
PUBLISHED_COUNTS = {
    "swinir-classical-x4": 11_900_199,
    "edsr-baseline-x2": 1_369_859,
    "edsr-full-x2": 40_729_603,
    "srresnet-x4": 1_549_443,
    "msrresnet-x4": 1_517_571,
    "unet": 466_595,
    "bsrgan": 16_697_987,
    "bsrnet": 16_697_987,
    "hit-srf-x4": 866_420,
    "imdn-x4": 715_176,
    "rlfn-x4": 543_740,
    "realesrgan-general-x4": 1_213_296,
}
# Published multiply-adds for a 1280x720 result. The papers leave ESA's and CCA's coarse branches out or in.
PUBLISHED_GMACS = {"edsr-baseline-x4": 114.2, "imdn-x4": 40.9, "rlfn-x4": 29.8}


def frame_of(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def counted() -> list:
    """All names; the SwinIR networks that cost seconds to build are slow, but for one of them."""
    large = [name for name in TEACHERS if name.startswith(("swinir-classical-x2", "swinir-restoration"))]
    return [pytest.param(name, marks=pytest.mark.slow) if name in large else name for name in TEACHERS]


@pytest.mark.filterwarnings("ignore:torch.meshgrid")
@pytest.mark.parametrize("name", counted())
def test_every_network_has_its_published_number_of_parameters(name):
    # SwinIR computes with values while it is built; the others need no memory to be counted.
    with torch.device("cpu" if name.startswith("swinir") else "meta"):
        count = sum(parameter.numel() for parameter in TEACHERS[name].build().parameters())
    assert count == TEACHERS[name].parameters
    assert count == PUBLISHED_COUNTS.get(name, count)


@pytest.mark.parametrize("name", PUBLISHED_GMACS)
def test_multiply_adds_agree_with_the_papers(name):
    assert macs_per_pixel(name) * 1280 * 720 / 1e9 == pytest.approx(PUBLISHED_GMACS[name], rel=1e-2)


def test_multiply_adds_of_the_unet_by_hand():
    full = 3 * 32 * 9 + 32 * 32 * 9 + 64 * 32 * 9 + 32 * 32 * 9 + 32 * 3
    half = 32 * 64 * 9 + 64 * 64 * 9 + 128 * 64 * 9 + 64 * 64 * 9
    quarter = 64 * 128 * 9 + 128 * 128 * 9
    up = 128 * 64 * 4 / 16 + 64 * 32 * 4 / 4  # 2x2 transposed convolutions, counted at their input's size
    assert macs_per_pixel("unet") == full + half / 4 + quarter / 16 + up


def test_the_table_has_a_row_for_every_teacher_with_origin_and_licence(monkeypatch):
    monkeypatch.setattr(teachers, "macs_per_pixel", lambda name: 1000.0)
    rows = {row["teacher"]: row for row in teacher_rows()}
    assert list(rows) == list(TEACHERS)
    assert all(row["origin"] and row["licence"] for row in rows.values())
    assert rows["hit-srf-x4"]["licence"] == "MIT"
    assert rows["unet"]["origin"] == "trained by this study"


def test_hit_srf_is_not_called_swinir():
    info = TEACHERS["hit-srf-x4"]
    assert info.family == "HiT-SRF"
    assert "swin" not in repr(build_network(info.name)).lower()


def test_what_cannot_be_had_is_said_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("SHARPSTUDY_ASSETS", str(tmp_path))
    monkeypatch.setattr("sharpstudy.paths.cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr("sharpstudy.assets.cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr("sharpstudy.paths.WEIGHTS", tmp_path)
    with pytest.raises(TeacherError, match=r"'resnet50' is not known; expected one of swinir-classical-x2"):
        load_teacher("resnet50")
    with pytest.raises(TeacherError, match=r"'swinir-classical-x4' has no official weights here: .*fetch"):
        load_teacher("swinir-classical-x4")
    with pytest.raises(TeacherError, match="'unet' has no official weights: this study trains it"):
        load_teacher("unet")
    with pytest.raises(TeacherError, match="'unet' has no released weights"):
        load_teacher("unet", "released")
    with pytest.raises(ValueError, match=r"expected one of .*bf16.*, got 'fp16'"):
        load_teacher("unet", "random", precision="fp16")


def test_released_weights_are_found_where_they_ship(tmp_path, monkeypatch):
    monkeypatch.setattr("sharpstudy.paths.WEIGHTS", tmp_path)
    state = build_network("srresnet-x4", seed=9).state_dict()
    save_file(state, tmp_path / "srresnet-x4.safetensors")
    teacher = load_teacher("srresnet-x4", "released")
    assert teacher.weights == "released"
    assert teacher.role == "teacher"
    assert len(teacher.sha256) == 64
    assert torch.equal(teacher.network.state_dict()["conv_first.weight"], state["conv_first.weight"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(TeacherError, match=r"'unet'.*no CUDA device"):
        load_teacher("unet", "random", device="cuda")


def test_random_weights_are_a_control_and_follow_their_seed():
    torch.manual_seed(10)
    before = torch.get_rng_state()
    first, again, other = (load_teacher("unet", "random", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert first.role == "control"
    assert first.sha256 is None
    weights = [teacher.network.state_dict()["last.weight"] for teacher in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


QUICK = ("unet", "srgan-generator-x2", "srgan-generator-x4", "rlfn-x2", "imdn-x4", "hit-srf-x4", "craft-x4")


@pytest.mark.parametrize("name", [*QUICK, "swinir-light-x3"])
@pytest.mark.parametrize("size", [(37, 50), (5, 3)])
def test_any_frame_size_comes_back_as_it_went_in(name, size):
    teacher = load_teacher(name, "random")
    degraded = frame_of(*size)
    kept = degraded.copy()
    restored = teacher.restore(degraded)
    assert restored.shape == degraded.shape
    assert restored.dtype == np.uint8
    assert np.array_equal(degraded, kept)


def test_an_enlarging_network_reads_the_small_frame_or_finds_it_in_the_degraded_one():
    teacher = load_teacher("srgan-generator-x4", "random")
    small = frame_of(8, 11, seed=2) // 2 + 64  # away from black and white, where the enlargement would clip
    degraded = enlarge(small, (30, 41))
    difference = teacher.restore(degraded).astype(int) - teacher.restore(degraded, small)
    assert np.abs(difference).max() <= 1
    other = frame_of(8, 11, seed=1)
    assert not np.array_equal(teacher.restore(degraded), teacher.restore(degraded, other))
    x = torch.from_numpy(other).permute(2, 0, 1)[None] / 255
    expected = teacher.network(x)[0, :, :30, :41].clamp(0, 1)
    assert np.array_equal(teacher.restore(degraded, other), (255 * expected).round().byte().permute(1, 2, 0))


def keys_weights(small: int, size: int, scale: int) -> np.ndarray:
    """Bicubic enlargement along one axis, (size, small), by Keys' kernel with the edge pixels repeated."""
    weights = np.zeros((size, small))
    for row in range(size):
        centre = (row + 0.5) / scale - 0.5
        for tap in range(int(np.floor(centre)) - 1, int(np.floor(centre)) + 3):
            x = abs(centre - tap)
            near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
            weights[row, min(max(tap, 0), small - 1)] += near if x <= 1 else far if x < 2 else 0
    return weights


@pytest.mark.parametrize(("size", "scale"), [((24, 32), 4), ((13, 18), 4), ((20, 21), 3), ((9, 14), 2)])
def test_the_small_frame_is_the_least_squares_fit(size, scale):
    degraded = torch.rand(3, *size, generator=torch.Generator().manual_seed(13)) / 2 + 0.25
    rows, columns = (keys_weights(-(-side // scale), side, scale) for side in size)
    expected = np.stack(
        [np.linalg.pinv(rows) @ channel @ np.linalg.pinv(columns).T for channel in degraded.numpy()]
    )
    assert np.allclose(small_behind(degraded, scale), expected.clip(0, 1), atol=1e-5)


def test_frames_of_a_wrong_kind_are_refused():
    teacher = load_teacher("srgan-generator-x4", "random")
    assert teacher.reads(frame_of(8, 11), frame_of(30, 41))
    assert not teacher.reads(frame_of(7, 11), frame_of(30, 41))
    with pytest.raises(ValueError, match=r"small frame.*expected \(8, 11\).*got \(7, 11\)"):
        teacher.restore(frame_of(30, 41), frame_of(7, 11))
    with pytest.raises(ValueError, match=r"degraded frame: expected uint8 HxWx3.*float64 \(30, 41, 3\)"):
        teacher.restore(frame_of(30, 41) / 255)
    with pytest.raises(ValueError, match=r"degraded frame.*\(1, 3, 8, 8\)"):
        teacher.restore(torch.rand(1, 3, 8, 8))


@pytest.mark.parametrize("name", ["unet", "srgan-generator-x2", "swinir-light-x2", "craft-x4"])
@pytest.mark.parametrize("caller", ["grad", "inference"])
def test_a_restored_tensor_can_enter_a_loss(name, caller):
    """Tensors made in inference mode fail in backward, even as a constant target of a loss."""
    teacher = load_teacher(name, "random")
    degraded = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(11))
    with torch.inference_mode(caller == "inference"):
        target = teacher.restore(degraded)
    assert not target.is_inference()
    assert not target.requires_grad
    student = nn.Conv2d(3, 3, 1)
    loss = ((student(degraded[None])[0] - target) ** 2).mean()
    loss.backward()
    assert float(student.weight.grad.abs().sum()) > 0
    assert all(parameter.grad is None for parameter in teacher.network.parameters())


@pytest.mark.parametrize("name", ["unet", "edsr-baseline-x2", "swinir-light-x2", "hit-srf-x4"])
def test_bf16_is_close_to_fp32(name):
    exact, mixed = (load_teacher(name, "random", precision=precision) for precision in ("fp32", "bf16"))
    small = torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(12))
    first, second = exact.enlarge(small), mixed.enlarge(small)
    assert second.dtype == torch.float32
    assert not torch.equal(first, second)
    assert float((first - second).abs().mean()) < 0.02 * float(first.std()) + 0.003
