"""Scores of restored frames and clips: uint8 in, one number per frame, full size, never a resized copy.

Importing it costs NumPy and SciPy; torch and lpips are imported by the learned metrics when they are called.
"""

from sharpstudy.metrics.fidelity import PSNR_CAP, mse, psnr, psnr_y, worsened
from sharpstudy.metrics.flicker import ClipFlicker, clip_flicker
from sharpstudy.metrics.inputs import Unavailable
from sharpstudy.metrics.perceptual import dists, lpips
from sharpstudy.metrics.readability import cer, character_error_rate, read_text, tesseract_version
from sharpstudy.metrics.registry import (
    CLIP_METRICS,
    FRAME_METRICS,
    METRICS,
    PERCEPTUAL_METRICS,
    TEXT_METRICS,
    Metric,
    score_clip,
    score_frame,
)
from sharpstudy.metrics.sharpness import HALO_FLAG, EdgeResponse, detail, edge_response, halo, slanted_edge
from sharpstudy.metrics.spectra import Spectrum, radial_spectrum
from sharpstudy.metrics.structure import gmsd, ms_ssim, ssim, ssim_y

__all__ = [
    "CLIP_METRICS",
    "FRAME_METRICS",
    "HALO_FLAG",
    "METRICS",
    "PERCEPTUAL_METRICS",
    "PSNR_CAP",
    "TEXT_METRICS",
    "ClipFlicker",
    "EdgeResponse",
    "Metric",
    "Spectrum",
    "Unavailable",
    "cer",
    "character_error_rate",
    "clip_flicker",
    "detail",
    "dists",
    "edge_response",
    "gmsd",
    "halo",
    "lpips",
    "ms_ssim",
    "mse",
    "psnr",
    "psnr_y",
    "radial_spectrum",
    "read_text",
    "score_clip",
    "score_frame",
    "slanted_edge",
    "ssim",
    "ssim_y",
    "tesseract_version",
    "worsened",
]
