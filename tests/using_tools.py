"""Material for the tests of the sharpener's use: clips with sound, and stand-ins for models."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

RATE = 48_000
BEEP_S = 0.05
MARK = 48  # pixels across the corner that flashes


def sharper(frame: np.ndarray) -> np.ndarray:
    """A stand-in for a model that looks three pixels around: an unsharp mask in whole levels."""
    padded = np.pad(frame.astype(np.int32), ((3, 3), (3, 3), (0, 0)), mode="edge")
    height, width = frame.shape[:2]
    blurred = sum(padded[y : y + height, x : x + width] for y in range(7) for x in range(7)) // 49
    return np.clip(2 * frame.astype(np.int32) - blurred, 0, 255).astype(np.uint8)


def beep_samples(seconds: float, every_s: float = 1.0) -> np.ndarray:
    """Mono float32 in [-1, 1]: silence, with a beep of 1 kHz every so many seconds but at the start."""
    times = np.arange(round(seconds * RATE)) / RATE
    on = (times % every_s < BEEP_S) & (times >= every_s)
    return (0.8 * np.sin(2 * np.pi * 1000 * times) * on).astype(np.float32)


def write_beeps_and_flashes(
    path: Path,
    seconds: float,
    fps: int = 30,
    size: tuple[int, int] = (160, 120),
    audio: str = "aac",
    pictures: Sequence[np.ndarray] | None = None,
) -> None:
    """A clip whose picture turns white for a frame whenever its sound beeps, with a title and a language.

    With pictures it plays these again and again, and a dark square in their corner turns white.
    """
    import av

    with av.open(str(path), "w") as out:
        out.metadata["title"] = "beeps and flashes"
        video = out.add_stream("libx264", fps, options={"crf": "20", "preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        sound = out.add_stream(audio, RATE, layout="mono")
        sound.metadata["language"] = "fin"
        samples, done = beep_samples(seconds), 0
        for number in range(round(seconds * fps)):
            level = 235 if number % fps == 0 and number else 40
            frame = np.full((size[1], size[0], 3), level, np.uint8)
            if pictures is not None:
                frame = pictures[number % len(pictures)].copy()
                frame[:MARK, :MARK] = level
            picture = av.VideoFrame.from_ndarray(frame)
            picture.pts, picture.time_base = number, Fraction(1, fps)
            out.mux(video.encode(picture))
            until = min(len(samples), round((number + 1) / fps * RATE) // 1024 * 1024)
            while done < until:
                block = av.AudioFrame.from_ndarray(samples[None, done : done + 1024], "fltp", "mono")
                block.sample_rate, block.pts, block.time_base = RATE, done, Fraction(1, RATE)
                out.mux(sound.encode(block))
                done += 1024
        out.mux(video.encode(None))
        out.mux(sound.encode(None))


def flash_times(path: Path) -> np.ndarray:
    """When the corner of the picture turns white (seconds on the container's clock)."""
    import av

    with av.open(str(path)) as read:
        frames = [(float(one.time), one.to_ndarray(format="gray")) for one in read.decode(video=0)]
    shown = [(time_s, frame[8 : MARK - 8, 8 : MARK - 8].mean()) for time_s, frame in frames]
    return np.array([time_s for time_s, level in shown if level > 140])


def beep_times(path: Path) -> np.ndarray:
    """When beeps begin (seconds on the container's clock), to half a millisecond."""
    import av

    times, loud = [], []
    with av.open(str(path)) as read:
        for block in read.decode(audio=0):
            samples = block.to_ndarray().astype(np.float64).mean(axis=0)
            step = block.sample_rate // 2000
            for start in range(0, len(samples), step):
                times.append(float(block.pts * block.time_base) + start / block.sample_rate)
                loud.append(np.abs(samples[start : start + step]).max())
    on = np.array(loud) > 0.2
    starts = [at for at in np.flatnonzero(on) if not on[max(0, at - 20) : at].any()]
    return np.array(times)[starts]
