"""The realtime family: all convolutions at 1/r of the resolution, a global residual, branches that fold away.

Unshuffle by r (Shi et al. 2016, backwards), `depth` plain 3x3 convolutions, add the packed input, shuffle
back. While it learns, each convolution carries a 1x1 and, where the widths agree, an identity branch (RepVGG,
Ding et al. 2021, without batch norm); identities keep a deep plain stack from dying, and all of it folds into
one 3x3 kernel per layer.
"""

from __future__ import annotations

import copy
from typing import Literal, get_args

import torch
from torch import nn
from torch.nn import functional as F

from .base import Student, StudentError, check_choice, check_frames, check_integer, conv3x3
from .cues import CUES, read_cues

Activation = Literal["relu", "leaky"]
Form = Literal["branched", "plain"]
Shortcut = Literal["identity", "none"]
LEAK = 0.1
OPEN = 0.3  # a bias that keeps most units of a fresh student on the sloping side of their ReLU
DETAIL_GAIN = 14.0  # photographs with values in [0,1] then give first features of about unit size

# By rising cost: 1.15, 2.91, 4.96 and 8.03 thousand multiply-adds per pixel. Realtime(**REALTIME_SIZES["S"])
# Of cues each has as many as fit into whole groups of 16 channels beside its packed ones.
REALTIME_SIZES: dict[str, dict[str, int]] = {
    "nano": {"unshuffle": 4, "width": 16, "depth": 4},
    "S": {"unshuffle": 3, "width": 32, "depth": 3, "cues": 5},
    "M": {"unshuffle": 3, "width": 32, "depth": 5, "cues": 5},
    "L": {"unshuffle": 3, "width": 32, "depth": 8, "cues": 5},
}


class BranchedConv(nn.Conv2d):
    """A 3x3 convolution with a 1x1 and perhaps an identity branch, computed as the one kernel they sum to.

    Summing kernels instead of feature maps costs no more than a plain convolution and makes folding exact.
    """

    def __init__(self, inputs: int, outputs: int, shortcut: Shortcut) -> None:
        super().__init__(inputs, outputs, 3, padding=1)
        self.point = nn.Parameter(torch.zeros(outputs, inputs, 1, 1))
        kernel = torch.eye(outputs, inputs) if shortcut == "identity" else torch.zeros(outputs, inputs)
        self.register_buffer("shortcut", kernel[..., None, None], persistent=False)

    def merged(self) -> torch.Tensor:
        """The kernel (outputs, inputs, 3, 3) that the branches sum to."""
        return self.weight + F.pad(self.point + self.shortcut, (1, 1, 1, 1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return F.conv2d(features, self.merged(), self.bias, padding=1)

    @torch.no_grad()
    def fold(self) -> nn.Conv2d:
        """The plain 3x3 convolution that computes the same."""
        like = {"device": self.weight.device, "dtype": self.weight.dtype}
        plain = nn.utils.skip_init(nn.Conv2d, self.in_channels, self.out_channels, 3, padding=1, **like)
        plain.weight.copy_(self.merged())
        plain.bias.copy_(self.bias)
        return plain


class Realtime(Student):
    """A pixel-unshuffle student of r 4, width 32 and depth 6 unless told (REALTIME_SIZES has what ships).

    The last convolution starts at zero, so a fresh student returns its input exactly. No activation stands
    right before it: there it can die and leave the student at its input for good, since a soft frame is never
    far from right. Frames of any size are
    continued by their last row and column to a multiple of `unshuffle` and cropped after. Values are not
    clamped, so that a value outside [0,1] still passes a gradient: whoever stores frames clips them. `form`
    "branched" learns, "plain" is folded. The first `cues` numbers that cues.py reads off the whole frame come
    in as planes of their own beside the packed ones.
    """

    name = "realtime"
    features = ("first", "body")

    def __init__(
        self,
        unshuffle: int = 4,
        width: int = 32,
        depth: int = 6,
        activation: Activation = "relu",
        form: Form = "branched",
        cues: int = 0,
    ) -> None:
        arguments = {"unshuffle": unshuffle, "width": width, "depth": depth, "activation": activation}
        super().__init__({**arguments, "form": form, **({"cues": cues} if cues else {})})
        check_integer(self.name, "unshuffle", unshuffle, 1, 8)
        check_integer(self.name, "width", width, 1, 512)
        check_integer(self.name, "depth", depth, 2, 64)
        check_choice(self.name, "activation", activation, get_args(Activation))
        check_choice(self.name, "form", form, get_args(Form))
        check_integer(self.name, "cues", cues, 0, CUES)
        self.unshuffle, self.cues = unshuffle, cues
        packed = 3 * unshuffle**2
        alike = packed == width and not cues
        self.first = _layer(packed + cues, width, form, "identity" if alike else "none")
        body: list[nn.Module] = [_activate(activation)]
        for layer in range(depth - 2):
            body += [_layer(width, width, form, "identity")]
            body += [_activate(activation)] if layer < depth - 3 else []
        self.body = nn.Sequential(*body)
        self.last = _layer(width, packed, form, "none")
        self._start()

    @torch.no_grad()
    def _start(self) -> None:
        """First kernels that see detail, a body that passes it on, and a last layer that adds nothing yet."""
        detail = detail_kernels(self.first.out_channels, self.unshuffle)
        self.first.weight.copy_(F.pad(detail, (0, 0, 0, 0, 0, self.cues)))
        nn.init.constant_(self.first.bias, OPEN)
        for layer in self.body:
            if isinstance(layer, nn.Conv2d):
                nn.init.constant_(layer.bias, OPEN)
            if isinstance(layer, nn.Conv2d) and not isinstance(layer, BranchedConv):  # no identity carries it
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, frames: torch.Tensor, cues: torch.Tensor | None = None) -> torch.Tensor:
        """Restored frames (B,3,H,W); parts of frames come with the cues (B,5) of the wholes."""
        check_frames(self.name, frames)
        if cues is None and self.cues:
            cues = read_cues(frames)
        return self.restore(frames, cues)

    def restore(self, frames: torch.Tensor, cues: torch.Tensor | None = None) -> torch.Tensor:
        height, width = frames.shape[-2:]
        packed = F.pixel_unshuffle(pad_to_multiple(frames, self.unshuffle), self.unshuffle)
        restored = F.pixel_shuffle(self.restore_packed(packed, cues), self.unshuffle)
        return restored[..., :height, :width]

    def restore_packed(self, packed: torch.Tensor, cues: torch.Tensor | None = None) -> torch.Tensor:
        """Restored packed frames (B,3*r*r,H/r,W/r) of packed ones, for a runtime that packs by itself."""
        seen = packed
        if self.cues:
            planes = cues[:, : self.cues, None, None].to(packed.dtype)
            seen = torch.cat([packed, planes.expand(-1, -1, *packed.shape[-2:])], 1)
        return packed + self.last(self.body(self.first(seen)))

    @torch.no_grad()
    def deepened(self, depth: int) -> Realtime:
        """The same function in more layers, for a deeper student to go on from.

        What has passed a ReLU is at least 0, so a layer that starts as the identity, with a ReLU behind it,
        changes nothing; the new ones stand right behind the first.
        """
        if self.arguments["activation"] != "relu":
            raise StudentError(
                f"realtime: expected relu to be deepened, got {self.arguments['activation']!r}"
            )
        check_integer(self.name, "depth", depth, self.arguments["depth"], 64)
        deep = Realtime(**{**self.arguments, "depth": depth})
        layers = [layer for layer in deep.body if isinstance(layer, nn.Conv2d)]
        mine = [layer for layer in self.body if isinstance(layer, nn.Conv2d)]
        for layer in layers[: len(layers) - len(mine)]:
            nn.init.zeros_(layer.bias)
            nn.init.zeros_(layer.weight) if isinstance(layer, BranchedConv) else nn.init.dirac_(layer.weight)
        kept = (deep.first, *layers[len(layers) - len(mine) :], deep.last)
        for old, new in zip((self.first, *mine, self.last), kept, strict=True):
            new.load_state_dict(old.state_dict())
        return deep.train(self.training)

    def folded(self) -> Realtime:
        """A copy in plain form: the same function with one 3x3 convolution per layer."""
        plain = copy.deepcopy(self)
        plain.arguments = {**self.arguments, "form": "plain"}
        for name, layer in self.named_modules():
            if isinstance(layer, BranchedConv):
                parent, _, child = name.rpartition(".")
                setattr(plain.get_submodule(parent), child, layer.fold().train(layer.training))
        return plain


def detail_kernels(outputs: int, unshuffle: int) -> torch.Tensor:
    """Random packed kernels (outputs,3*r*r,3,3) that answer all frequencies of a natural frame alike.

    Amplitudes of natural frames fall as 1/f, so each kernel is white noise on the full-size grid with its
    spectrum made to rise as f. Through kernels with a flat spectrum a student that unshuffles by 4 sees
    little but slow changes of brightness, and may long stay at returning its input.
    """
    side = 3 * unshuffle
    frequency = torch.fft.fftfreq(side)
    rising = (frequency[:, None] ** 2 + frequency**2).sqrt()
    noise = torch.randn(outputs * 3, 1, side, side)
    kernels = F.pixel_unshuffle(torch.fft.ifft2(torch.fft.fft2(noise) * rising).real, unshuffle)
    kernels = kernels.reshape(outputs, 3 * unshuffle**2, 3, 3)
    return kernels * (DETAIL_GAIN / (kernels.std() * kernels[0].numel() ** 0.5))


def pad_to_multiple(frames: torch.Tensor, multiple: int) -> torch.Tensor:
    """Frames (B,C,H,W) continued by their last row and column until the size is a multiple."""
    height, width = frames.shape[-2:]
    down, right = -height % multiple, -width % multiple
    exporting = torch.compiler.is_exporting() or torch.onnx.is_in_onnx_export()
    if not exporting and down == right == 0:  # an exported graph keeps the padding: it will meet other sizes
        return frames
    return F.pad(frames, (0, right, 0, down), mode="replicate")


def _layer(inputs: int, outputs: int, form: Form, shortcut: Shortcut) -> nn.Conv2d:
    return BranchedConv(inputs, outputs, shortcut) if form == "branched" else conv3x3(inputs, outputs)


def _activate(activation: Activation) -> nn.Module:
    return nn.ReLU() if activation == "relu" else nn.LeakyReLU(LEAK)
