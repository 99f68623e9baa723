"""Tiles against the whole frame: exact for plain convolutions, seamless for networks that see farther."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from sharpstudy.data.frames import read_frame, to_tensor
from sharpstudy.data.resample import shrink
from sharpstudy.teachers import TEACHERS, load_teacher
from sharpstudy.teachers.tiles import run_tiled


def noise(height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


def psnr(first: torch.Tensor, second: torch.Tensor) -> float:
    return -10 * float(torch.log10(((first - second) ** 2).mean()))


@pytest.mark.parametrize("join", ["crop", "blend"])
@pytest.mark.parametrize("size", [(50, 70), (16, 16), (3, 100), (1, 1), (64, 33)])
def test_tiles_cover_every_pixel_once(size, join):
    frame = noise(*size)
    doubled = F.interpolate(frame[None], scale_factor=2, mode="nearest")[0]
    tiled = run_tiled(
        lambda x: F.interpolate(x[None], scale_factor=2, mode="nearest")[0], frame, 2, 24, 4, join
    )
    assert torch.allclose(tiled, doubled, atol=1e-6)


@pytest.mark.parametrize(("tile", "overlap", "grid"), [(24, 4, 1), (24, 5, 4), (40, 8, 8)])
def test_windows_fit_the_tile_and_start_on_the_grid(tile, overlap, grid):
    height, width = 90, 77
    frame = torch.arange(height * width, dtype=torch.float32).reshape(1, height, width)
    starts, sides = [], []

    def watch(window: torch.Tensor) -> torch.Tensor:
        starts.append(divmod(int(window[0, 0, 0]), width))
        sides.append(max(window.shape[-2:]))
        return window

    run_tiled(watch, frame, tile=tile, overlap=overlap, grid=grid)
    assert len(starts) > 4
    assert max(sides) <= tile
    assert all(row % grid == 0 and column % grid == 0 for row, column in starts)


def test_cropping_is_exact_where_the_overlap_covers_what_the_network_sees():
    kernel = torch.rand(3, 3, 9, 9, generator=torch.Generator().manual_seed(1))
    frame = noise(60, 61)

    def blur(x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x[None], kernel, padding=4)[0]

    whole = blur(frame)
    assert torch.allclose(run_tiled(blur, frame, tile=32, overlap=4), whole, rtol=1e-5)
    assert not torch.allclose(run_tiled(blur, frame, tile=32, overlap=3), whole, rtol=1e-2)


def test_blending_fades_from_one_tile_to_the_next():
    """Tiles that answer with their own number: cropping steps between them, blending is a straight line."""
    numbers: list[int] = []

    def number(x: torch.Tensor) -> torch.Tensor:
        numbers.append(len(numbers))
        return torch.full_like(x, float(numbers[-1]))

    stepped = run_tiled(number, noise(1, 48), tile=32, overlap=8, join="crop")[0, 0]
    assert stepped.tolist() == [0.0] * 16 + [1.0] * 16 + [2.0] * 16
    numbers.clear()
    faded = run_tiled(number, noise(1, 48), tile=32, overlap=8, join="blend")[0, 0]
    assert faded[12:20].tolist() == [(i + 0.5) / 8 for i in range(8)]
    assert faded[:12].tolist() == [0.0] * 12
    assert faded[-12:].tolist() == [2.0] * 12


def test_impossible_tiles_are_refused():
    frame = noise(20, 20)
    with pytest.raises(ValueError, match="tiles of 20 pixels: expected at least 25 for overlap 8"):
        run_tiled(lambda x: x, frame, tile=20, overlap=8)
    with pytest.raises(ValueError, match="join: expected 'crop' or 'blend', got 'mix'"):
        run_tiled(lambda x: x, frame, join="mix")


# The smallest of each kind of plain convolutional network, at sizes where several tiles are needed.
PLAIN = {"unet": (90, 100), "srgan-generator-x2": (70, 66), "srgan-generator-x4": (66, 40)}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_convolutional_teachers_are_exact_in_tiles(name):
    teacher = load_teacher(name, "random")
    frame = noise(*PLAIN[name])
    whole = teacher.enlarge(frame)
    overlap, grid = teacher.info.overlap, teacher.info.grid
    tiled = run_tiled(teacher.enlarge, frame, teacher.info.scale, 3 * overlap + grid, overlap, "crop", grid)
    assert torch.allclose(tiled, whole, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["edsr-baseline-x2", "msrresnet-x4", "srresnet-x4", "realesrgan-general-x4"])
def test_deeper_convolutional_teachers_are_exact_in_tiles(name):
    teacher = load_teacher(name, "random")
    frame = noise(60, 120)
    tiled = run_tiled(
        teacher.enlarge, frame, teacher.info.scale, 3 * teacher.info.overlap + 1, teacher.info.overlap
    )
    assert torch.allclose(tiled, teacher.enlarge(frame), atol=1e-4)


def test_restoring_in_tiles_gives_the_restored_frame():
    teacher = load_teacher("unet", "random")
    degraded = np.random.default_rng(2).integers(0, 256, (133, 150, 3), dtype=np.uint8)
    whole = teacher.restore(degraded).astype(int)
    tiled = teacher.restore_tiled(degraded, tile=76)
    assert tiled.shape == degraded.shape
    assert np.abs(whole - tiled).max() <= 1
    assert np.array_equal(
        teacher.restore_tiled(degraded), teacher.restore_tiled(degraded, tile=176, overlap=24)
    )


def seam_figures(name: str, assets: Path) -> tuple[float, float]:
    """PSNR of two tiles against the whole frame, and the error beside their seam over the error elsewhere."""
    teacher = load_teacher(name)
    info, seam = teacher.info, 128
    frame = read_frame(assets / "data" / "kodak24" / "05.png")
    small = to_tensor(shrink(frame, 2)[:96, : 2 * seam])
    whole = teacher.enlarge(small).clamp(0, 1)
    tile = 2 * info.overlap + seam
    tiled = run_tiled(teacher.enlarge, small, info.scale, tile, info.overlap, "blend", info.grid).clamp(0, 1)
    error = (whole - tiled).abs().mean(dim=0)
    near = torch.zeros_like(error, dtype=torch.bool)
    near[:, seam * info.scale - 8 : seam * info.scale + 8] = True
    return psnr(whole, tiled), float(error[near].mean() / error[~near].mean())


# The transformers take half a minute each.
FAR = [
    "rlfn-x4",
    "imdn-x4",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("hit-srf-x4", "craft-x4")),
]


@pytest.mark.parametrize("name", FAR)
def test_networks_that_see_the_whole_frame_have_no_seams(name, assets):
    """Attention over the frame makes tiles differ a little everywhere, but no more at the seams."""
    decibels, ratio = seam_figures(name, assets)
    assert decibels > 50
    assert ratio < 1.5


def test_every_teacher_has_tiles_that_work():
    for info in TEACHERS.values():
        tile = 2 * info.overlap + max(128, info.overlap + info.grid)
        frame = torch.zeros(3, 2 * tile, 10)
        assert run_tiled(lambda x: x, frame, 1, tile, info.overlap, "crop", info.grid).shape == frame.shape
