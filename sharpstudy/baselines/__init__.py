"""What a network has to beat besides doing nothing, and what a method can do that knows the blur.

None of them learns: what they need to be told is tuned on validation pairs.
"""

from sharpstudy.baselines.deconvolution import Blurred, KnownBlur, Wiener, tune_wiener
from sharpstudy.baselines.unsharp import Unsharp, tune_unsharp, unsharp

__all__ = [
    "Blurred",
    "KnownBlur",
    "Unsharp",
    "Wiener",
    "tune_unsharp",
    "tune_wiener",
    "unsharp",
]
