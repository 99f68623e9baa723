"""Whether a frame is sharp already, from a few rows of it.

Around a strong edge, second differences over one pixel are compared with those over two: a resampled or
blurred edge has little left over one pixel, whatever its contrast. Weak structure is left out because noise,
which is as strong over one pixel as over two, would pass for sharpness there.

Measured on 97 frames (Kodak, BSDS500, desktop and game screens, webcams): at 0.44, 98 % of the clean frames
are above; of bicubic down-ups by 1.5 5 %, by 2 none; of Gaussian blurs of sigma 1 and 1.5 none, nor with
noise of 3 grey levels added. Area under the ROC curve: 0.991 against down-ups by 1.5, 1.000 against the
others. Compression without resampling is not seen: of JPEG at quality 60, 98 % are above too.
"""

from __future__ import annotations

import numpy as np

SHARP = 0.44
EDGE = 48  # grey levels: the second difference over two pixels from which on a place counts as an edge
ROWS = 64  # looked at, spread over the frame
FEWEST = 20  # edges; a frame with fewer shows no sharpness that could be harmed or seen


def looks_sharp(frame: np.ndarray) -> bool:
    """Whether the frame (uint8 HxWx3) is better left alone: its sharpness is above 0.44."""
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
