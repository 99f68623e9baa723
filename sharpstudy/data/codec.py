"""What a video call does to a frame: scaled down, sent as real H.264 or VP9 at a bitrate, scaled up.

The encoders are libx264 and libvpx-vp9 in their real-time settings: no look-ahead, no B-frames, one key frame
at the start, a rate-control buffer. On one thread they give the same bytes for the same frames on one machine
and build; another version of an encoder may give others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from sharpstudy.data.resample import (
    DegradationError,
    Method,
    check_choice,
    check_number,
    check_whole,
    enlarge,
    enlarging_weights,
    expect,
    shrink,
    to_uint8,
)

Codec = Literal["h264", "vp9"]
ENCODERS = {"h264": "libx264", "vp9": "libvpx-vp9"}
STATED_SIZE = (1280, 720)  # width, height of the call that a bitrate is stated for
STATED_FPS = 30
LOWEST_KBPS = 8  # what the headers of a stream alone need; a small frame's share never falls below

# BT.601, limited range: what the I420 converters of the browsers' calls use. Y 16-235, Cb and Cr 16-240.
_TO_YCBCR = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]) / 255
_TO_RGB = np.linalg.inv(_TO_YCBCR).astype(np.float32)


@dataclass(frozen=True)
class Call:
    """A call at `kbps` kbit/s, stated for 1280x720 at 30 FPS; other sizes get the same bits per pixel.

    factor: how far the sender scales down, 1 to 4; "area" down and thus bilinear up is what calls in browsers
    do. buffer_s: the rate control's buffer in seconds. still_frames: a still is sent as a motionless call of
    so many frames, of which the last is taken.
    """

    kbps: float
    factor: float = 1.0
    codec: Codec = "h264"
    fps: int = STATED_FPS
    method: Method = "area"
    buffer_s: float = 1.0
    # After 8 frames the coarse key frame is refined about as far as webcam clips are 0.5 to 2 s into a call:
    # PSNR within 0.3 dB and fine detail within 5 % for H.264 up to 800 kbit/s, 1 dB better at 1500. A moving
    # camera would be no truer: at low bitrates the picture lags behind it by up to a pixel, out of register.
    still_frames: int = 8

    def __post_init__(self) -> None:
        check_number("kbps", self.kbps, 1, 100_000)
        check_number("factor", self.factor, 1, 4)
        check_choice("codec", self.codec, Codec)
        check_whole("fps", self.fps, 1, 240)
        check_choice("method", self.method, Method)
        check_number("buffer_s", self.buffer_s, 0.1, 10)
        check_whole("still_frames", self.still_frames, 1, 64)

    @property
    def phrase(self) -> str:
        name = {"h264": "H.264", "vp9": "VP9"}[self.codec]
        scaled = f", scaled down by {self.factor:.4g}" if self.factor != 1 else ""
        return f"sent through a video call{scaled}, in {name} at {self.kbps:.4g} kbit/s for 720p at 30 FPS"

    def kbps_of(self, width: int, height: int) -> float:
        """The bitrate in kbit/s that is asked of the encoder for a frame of this size before scaling down."""
        share = width * height / (STATED_SIZE[0] * STATED_SIZE[1]) * self.fps / STATED_FPS
        return max(self.kbps * share, LOWEST_KBPS)

    def drawn(self, rng: np.random.Generator) -> Call:
        """The settings themselves: nothing in them is left to chance."""
        return self

    def run(self, frames: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
        """The frames as they arrive; a single frame is a still."""
        small = [shrink(frame, self.factor, self.method) for frame in frames]
        size, (rows, columns) = frames[0].shape[:2], small[0].shape[:2]
        pictures = [to_i420(_pad_even(frame)) for frame in small]
        sent = pictures * self.still_frames if len(frames) == 1 else pictures
        packets = encode(sent, self.codec, self.kbps_of(size[1], size[0]), self.fps, self.buffer_s)
        arrived = decode(packets, self.codec)
        expect(len(arrived) == len(sent), f"{self.codec} stream", f"{len(sent)} frames", len(arrived))
        restored = [from_i420(picture)[:rows, :columns] for picture in arrived[-len(frames) :]]
        return [enlarge(frame, size, self.method, self.factor) for frame in restored]


def encode(
    pictures: Sequence[np.ndarray], codec: Codec, kbps: float, fps: int = STATED_FPS, buffer_s: float = 1.0
) -> list[bytes]:
    """The packets, one per I420 picture (see `to_i420`), of a call at kbps kbit/s."""
    import av

    encoder = _open_codec(ENCODERS[codec], "w")
    encoder.height, encoder.width = pictures[0].shape[0] * 2 // 3, pictures[0].shape[1]
    encoder.pix_fmt = "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, fps), Fraction(fps)
    encoder.bit_rate = round(kbps * 1000)
    encoder.options = _real_time(codec, encoder.bit_rate, buffer_s)
    packets = []
    for index, planes in enumerate(pictures):
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        picture.pts, picture.time_base = index, encoder.time_base
        packets += encoder.encode(picture)
    return [bytes(packet) for packet in [*packets, *encoder.encode(None)]]


def decode(packets: Sequence[bytes], codec: Codec) -> list[np.ndarray]:
    """The decoded I420 pictures."""
    import av

    decoder = _open_codec(codec, "r")
    pictures = []
    for packet in packets:
        pictures += decoder.decode(av.Packet(packet))
    return [picture.to_ndarray() for picture in [*pictures, *decoder.decode(None)]]


def to_i420(frame: np.ndarray) -> np.ndarray:
    """The I420 picture of an even-sized frame: Y, then Cb and Cr at half size, uint8 (height * 3 / 2, width).

    BT.601, limited range. Each chroma value is the rounded mean of 2x2 pixels. FFmpeg's default conversion is
    not used: it truncates, and a round trip through it darkens by more than one grey level.
    """
    height, width = frame.shape[:2]
    planes = (frame.reshape(-1, 3) @ _TO_YCBCR.T.astype(np.float32)).reshape(height, width, 3)
    chroma = planes[..., 1:].reshape(height // 2, 2, width // 2, 2, 2).mean(axis=(1, 3))
    parts = [planes[..., 0] + 16, chroma[..., 0] + 128, chroma[..., 1] + 128]
    return to_uint8(np.concatenate([part.ravel() for part in parts])).reshape(-1, width)


def from_i420(planes: np.ndarray) -> np.ndarray:
    """The uint8 RGB frame of an I420 picture; chroma is enlarged bilinearly, centred as in `to_i420`."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    halves = planes[height:].reshape(2, height // 2, width // 2)
    rows, columns = (enlarging_weights(n // 2, n, 2.0, "bilinear") for n in (height, width))
    chroma = [rows @ half.astype(np.float32) @ columns.T for half in halves]
    centred = np.dstack([planes[:height], *chroma]).astype(np.float32) - np.float32([16, 128, 128])
    return to_uint8(centred.reshape(-1, 3) @ _TO_RGB.T).reshape(height, width, 3)


def _pad_even(frame: np.ndarray) -> np.ndarray:
    """The frame with its last row or column repeated where I420 needs an even size, and to at least 16x16."""
    height, width = frame.shape[:2]
    extra = [max(16, n + n % 2) - n for n in (height, width)]
    return np.pad(frame, ((0, extra[0]), (0, extra[1]), (0, 0)), mode="edge")


def _open_codec(name: str, mode: Literal["r", "w"]):
    """A codec context on one thread, or DegradationError that names the codec which this PyAV lacks."""
    import av

    try:
        context = av.CodecContext.create(name, mode)
    except ValueError as error:
        kind = "encoder" if mode == "w" else "decoder"
        raise DegradationError(
            f"{kind} {name}: expected in the installed PyAV {av.__version__}, not there"
        ) from error
    context.thread_count = 1
    return context


def _real_time(codec: Codec, bit_rate: int, buffer_s: float) -> dict[str, str]:
    """The encoder's options for a call; all values are texts, as FFmpeg takes them."""
    shared = {"g": "100000", "maxrate": str(bit_rate), "bufsize": str(round(bit_rate * buffer_s))}
    if codec == "h264":
        return shared | {"preset": "veryfast", "tune": "zerolatency", "bf": "0"}
    steady = {"minrate": str(bit_rate), "lag-in-frames": "0", "auto-alt-ref": "0", "error-resilient": "1"}
    return shared | steady | {"deadline": "realtime", "cpu-used": "8"}
