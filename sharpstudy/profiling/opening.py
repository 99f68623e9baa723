"""A candidate opened on one frame: what is called and timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sharpstudy.speed import nothing_to_wait_for

from .candidates import Backend, Candidate, ProfileError, scale_of
from .models import runtime_file, sample_frame, student_of, teacher_of
from .sessions import Network, bare_network, float_network, packed_halves

if TYPE_CHECKING:
    import torch

UNSHARP_SIGMA, UNSHARP_AMOUNT = 1.0, 0.8


@dataclass
class Opened:
    """A candidate ready to restore one frame.

    `end_to_end` takes the uint8 frame in memory to a uint8 frame in memory. The network alone is either
    `network`, or its milliseconds in each call of `end_to_end` are put into `laps`. `restore` takes any frame
    of that size, where the candidate is a Sharpener. `note` goes into the table.
    """

    end_to_end: Callable[[], object]
    network: Callable[[], object] | None = None
    laps: list[float] = field(default_factory=list)
    restore: Callable[[np.ndarray], np.ndarray] | None = None
    synchronise: Callable[[], None] = nothing_to_wait_for
    close: Callable[[], None] = nothing_to_wait_for
    note: str = ""


def open_candidate(
    one: Candidate, width: int, height: int, threads: int, folder: Path, device: str = "cpu"
) -> Opened:
    """The candidate on a frame of that size; files for its runtime are looked for and made in the folder."""
    scale = scale_of(one.model)
    if width % scale or height % scale:
        raise ProfileError(f"{one.model}: expected a size in multiples of {scale}, got {width}x{height}")
    frame = sample_frame(width // scale, height // scale)
    opened = open_frame(one, folder, frame, threads, device)
    if scale > 1:
        read = f"reads {width // scale}x{height // scale}, gives {width}x{height}"
        opened.note = "; ".join(filter(None, (read, opened.note)))
    return opened


def open_frame(one: Candidate, folder: Path, frame: np.ndarray, threads: int, device: str = "cpu") -> Opened:
    """The candidate on a given frame, which has the size that it reads."""
    if one.role == "baseline":
        return _open_baseline(one, frame, threads)
    if one.backend in ("torch", "torch-channels-last"):
        return _open_torch(one, frame, threads, device)
    return open_file(one, runtime_file(one, folder), frame, threads)


def open_file(one: Candidate, path: Path, frame: np.ndarray, threads: int) -> Opened:
    """A candidate of a fast runtime on a frame, from its exported file; loads nothing but that runtime."""
    if one.role != "realtime":
        return _around(float_network(path, one.backend, one.precision, threads), frame)
    if one.precision == "bf16":
        return Opened(*packed_halves(path, threads, frame))
    return _open_sharpener(path, one.backend, frame, threads)


def _open_baseline(one: Candidate, frame: np.ndarray, threads: int) -> Opened:
    if one.model == "copy":
        out = np.empty_like(frame)
        return Opened(lambda: np.copyto(out, frame))
    if one.backend == "scipy":
        from sharpstudy.baselines import unsharp

        return Opened(lambda: unsharp(frame, UNSHARP_SIGMA, UNSHARP_AMOUNT), note="SciPy, one thread")
    if one.backend == "torch":
        return _unsharp_torch(frame, threads)
    import cv2

    cv2.setNumThreads(threads)
    soft, out = np.empty_like(frame), np.empty_like(frame)

    def restore() -> np.ndarray:
        cv2.GaussianBlur(frame, (0, 0), UNSHARP_SIGMA, dst=soft)
        return cv2.addWeighted(frame, 1 + UNSHARP_AMOUNT, soft, -UNSHARP_AMOUNT, 0, dst=out)

    return Opened(restore, note=f"OpenCV {cv2.__version__}")


def _unsharp_torch(frame: np.ndarray, threads: int) -> Opened:
    import torch

    torch.set_num_threads(threads)
    steps = torch.arange(-3, 4, dtype=torch.float32)
    weights = torch.softmax(-0.5 * (steps / UNSHARP_SIGMA) ** 2, 0)
    down, across = weights.view(1, 1, 7, 1).repeat(3, 1, 1, 1), weights.view(1, 1, 1, 7).repeat(3, 1, 1, 1)

    @torch.inference_mode()
    def restore() -> np.ndarray:
        values = torch.from_numpy(frame).permute(2, 0, 1)[None].float()
        soft = torch.nn.functional.conv2d(values, down, padding=(3, 0), groups=3)
        soft = torch.nn.functional.conv2d(soft, across, padding=(0, 3), groups=3)
        sharp = torch.lerp(values, soft, -UNSHARP_AMOUNT).round_().clamp_(0, 255)
        return sharp[0].permute(1, 2, 0).to(torch.uint8).contiguous().numpy()

    return Opened(restore)


def _open_torch(one: Candidate, frame: np.ndarray, threads: int, device: str) -> Opened:
    """The network in eager PyTorch, frames converted as the study's own code does."""
    import torch

    from sharpstudy.data.frames import to_frame, to_tensor

    torch.set_num_threads(threads)
    network, note = _network(one)
    form = torch.channels_last if one.backend == "torch-channels-last" else torch.contiguous_format
    network = network.eval().to(device).to(memory_format=form)
    wait = torch.cuda.synchronize if device.startswith("cuda") else nothing_to_wait_for
    laps: list[float] = []

    def restore() -> np.ndarray:
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=one.precision == "bf16"):
            frames = to_tensor(frame)[None].to(device).contiguous(memory_format=form)
            wait()
            begin = time.perf_counter()
            restored = network(frames)
            wait()
            laps.append(1000 * (time.perf_counter() - begin))
            return to_frame(restored[0].float().clamp(0, 1).cpu())

    return Opened(restore, laps=laps, synchronise=wait, note=note)


def _network(one: Candidate) -> tuple[torch.nn.Module, str]:
    """The network as a module, and what there is to say of its weights."""
    if one.role != "teacher":
        return student_of(one.model), ""
    teacher = teacher_of(one.model)
    return teacher.network, "" if teacher.weights != "random" else "random weights"


def _open_sharpener(path: Path, backend: Backend, frame: np.ndarray, threads: int) -> Opened:
    """The product itself: a Sharpener into a frame that is there, and the network inside it."""
    from sharpstudy.runtime import Sharpener

    sharpener, out = Sharpener(path, backend=backend, threads=threads, bypass="off"), np.empty_like(frame)
    network = bare_network(path, backend, threads, frame)
    return Opened(lambda: sharpener(frame, out=out), network, restore=sharpener, close=sharpener.close)


def _around(network: Network, frame: np.ndarray) -> Opened:
    """A network of float frames (1,3,H,W) with conversions around it, its own time kept in laps."""
    laps: list[float] = []

    def restore() -> np.ndarray:
        frames = np.ascontiguousarray(frame.transpose(2, 0, 1)[None], dtype=np.float32)
        frames *= np.float32(1 / 255)
        begin = time.perf_counter()
        restored = network(frames)
        laps.append(1000 * (time.perf_counter() - begin))
        levels = np.rint(restored[0] * np.float32(255)).clip(0, 255).astype(np.uint8)
        return np.ascontiguousarray(levels.transpose(1, 2, 0))

    return Opened(restore, laps=laps)
