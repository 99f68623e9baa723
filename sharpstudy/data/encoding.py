"""What an encoder is told, and the refusal of choices that do not go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sharpstudy.data.colour import Colour, Range, usual_matrix

Codec = Literal["h264", "vp9", "ffv1"]
Chroma = Literal["auto", "420", "444", "rgb"]
MatrixChoice = Literal["auto", "bt601", "bt709"]

PIXEL_FORMATS = {"420": "yuv420p", "444": "yuv444p", "rgb": "bgr0"}
_ENCODERS = {"h264": "libx264", "vp9": "libvpx-vp9", "ffv1": "ffv1"}
_WORST_CRF = {"h264": 51, "vp9": 63, "ffv1": 63}
_CHOICES = {
    "codec": tuple(_ENCODERS),
    "chroma": ("auto", *PIXEL_FORMATS),
    "matrix": ("auto", "bt601", "bt709"),
    "colour_range": ("limited", "full"),
}


@dataclass(frozen=True)
class Encoding:
    """How a clip is encoded; write_clip says what the choices mean."""

    codec: Codec
    crf: int
    chroma: Chroma
    matrix: MatrixChoice
    colour_range: Range

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, came {getattr(self, name)!r}")
        if not 0 <= self.crf <= _WORST_CRF[self.codec]:
            raise ValueError(f"crf of {self.codec} must be 0 to {_WORST_CRF[self.codec]}, came {self.crf}")
        if self.chroma == "rgb" and self.codec != "ffv1":
            raise ValueError(f"only ffv1 stores rgb, came {self.codec}")

    @property
    def encoder(self) -> str:
        """FFmpeg's name of the encoder."""
        return _ENCODERS[self.codec]

    @property
    def options(self) -> dict[str, str]:
        """FFmpeg's words for it."""
        if self.codec == "ffv1":
            return {"level": "3", "slicecrc": "1"}  # checksums, so that a damaged slice is noticed
        if self.codec == "h264":
            return {"crf": str(self.crf), "preset": "medium"}
        return {"crf": str(self.crf), "b": "0", "cpu-used": "4", "lossless": str(int(self.crf == 0))}

    def chroma_of(self, width: int, height: int) -> Literal["420", "444", "rgb"]:
        """The sampling for frames of one size; a ValueError where the one asked for cannot be had."""
        odd = self.codec == "h264" and (width % 2 == 1 or height % 2 == 1)
        if self.chroma == "420" and odd:
            raise ValueError(f"h264 in 4:2:0 needs even sides, came {width} x {height}; chroma 'auto' copes")
        if self.chroma != "auto":
            return self.chroma
        if self.codec == "ffv1":
            return "rgb"
        return "444" if odd else "420"

    def colour_of(self, width: int, height: int) -> Colour:
        """The colour tags for frames of one size."""
        if self.chroma_of(width, height) == "rgb":
            return Colour("rgb", "full")
        return Colour(usual_matrix(height) if self.matrix == "auto" else self.matrix, self.colour_range)
