"""Whether a frame is sharp already, from a few rows of it.

Around a strong edge, second differences over one pixel are compared with those over two: a resampled or
blurred edge has little left over one pixel, whatever its contrast. Weak structure is left out because noise,
which is as strong over one pixel as over two, would pass for sharpness there.

A single frame is sharp above 0.48. Of a clip, a SharpJudge takes frames for sharp from above 0.48 on until
they fall to 0.45, so that a picture near the threshold does not waver.

Share of frames above 0.48, of 8 frames of each source of pictures and of each clip, as
`python -m sharpstudy.evaluate.sharp_shares --frames 8` measures it:

                        screens   Kodak24, BSDS500   game screens   webcam clips   clips of calls
clean                     100 %         88 %             62 %            0 %            36 %
call at full size         100 %         82 %             50 %            0 %            36 %
call at 3/4 size        10-27 %          0                0              0              36 %
down-up by 1.5            0-9 %          0                0              0               4 %
down-up by 2 and more       0            0                0              0               0
Gaussian blur from 1        0            0                0              0               0

No clip turned between sharp and not. No threshold takes all clean frames for sharp and no degraded one, for
a page of text is sharper after a down-up by 1.5 than what a webcam gives; at this one the frames of soft
cameras count as degraded. Compression without scaling is not seen.
"""

from __future__ import annotations

import numpy as np

SHARP, SOFT = 0.48, 0.45
HALF_SHARP, HALF_SOFT = (
    0.45,
    0.42,
)  # of frames at half size: there it would do harm
EDGE = 48  # grey levels: the second difference over two pixels from which on a place counts as an edge
ROWS = 64  # looked at, spread over the frame
FEWEST = 20  # edges; a frame with fewer shows no sharpness that could be harmed or seen


class SharpJudge:
    """Says of one frame of a clip after another whether it looks sharp, with two thresholds.

    Soft frames count as sharp above `sharp`, sharp ones until they fall to `soft`.
    """

    def __init__(self, sharp: float = SHARP, soft: float = SOFT) -> None:
        if not 0 <= soft <= sharp:
            raise ValueError(f"soft must be 0 to sharp = {sharp}, came {soft}")
        self._sharp, self._soft, self._is_sharp = sharp, soft, False

    def __call__(self, frame: np.ndarray) -> bool:
        """Whether this frame (uint8 HxWx3), the next of the clip, looks sharp."""
        return self.of(sharpness(frame))

    def of(self, value: float) -> bool:
        """The same for a frame whose sharpness is known."""
        self._is_sharp = value > (self._soft if self._is_sharp else self._sharp)
        return self._is_sharp


def sharp_at_half() -> SharpJudge:
    """A judge of frames at half size, whose thresholds say where restoring at that size does harm."""
    return SharpJudge(HALF_SHARP, HALF_SOFT)


def looks_sharp(frame: np.ndarray) -> bool:
    """Whether a single frame (uint8 HxWx3) is better left alone: its sharpness is above 0.48."""
    return sharpness(frame) > SHARP


def sharpness(frame: np.ndarray) -> float:
    """Second differences along rows at strong edges, over one pixel against over two, root mean square.

    From 0 to about 1; 0 where there are too few edges to tell. Green of at most 128 rows is read.
    """
    height, width = frame.shape[:2]
    if width < 5:
        return 0.0
    step = max(1, height // ROWS)
    rows = frame[step // 2 :: step, :, 1].astype(np.int16)
    centre = 2 * rows[:, 2:-2]
    wide = rows[:, 4:] - centre + rows[:, :-4]
    edges = np.abs(wide) >= EDGE
    if np.count_nonzero(edges) < FEWEST:
        return 0.0
    near = (rows[:, 3:-1] - centre + rows[:, 1:-3])[edges].astype(np.float32)
    far = wide[edges].astype(np.float32)
    return float(np.sqrt(near @ near / (far @ far)))
