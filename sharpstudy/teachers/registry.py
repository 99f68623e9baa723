"""The closed list of teachers: what each network is, and how it is built."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from torch import Tensor, nn

from sharpstudy.teachers.edsr import EDSR, rename_edsr
from sharpstudy.teachers.hitsrf import HiTSRF
from sharpstudy.teachers.light import IMDN, RLFN, SRGANGenerator
from sharpstudy.teachers.srresnet import MSRResNet, SRResNet, rename_msrresnet
from sharpstudy.teachers.unet import UNet


def _same(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    return state


@dataclass(frozen=True)
class TeacherInfo:
    """What is known of a teacher before any weights are read."""

    name: str
    family: str
    scale: int  # output pixels a side for one input pixel
    parameters: int
    build: Callable[[], nn.Module]
    assets: tuple[
        str, ...
    ] = ()  # published weights in assets.py; none for networks that this study trains itself
    rename: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = _same  # published names to the module's
    trained_for: Literal["fidelity", "looks"] = (
        "fidelity"  # "looks": adversarial training, lower PSNR by design
    )
    levels: Literal["0-1", "0-255"] = "0-1"  # what the weights work on; every network takes and gives [0,1]
    minimum: int = 1  # smallest side that the network takes
    multiple: int = 1  # sides that the network takes are multiples of this
    grid: int = 1  # tiles start at multiples of this, so that the network's own windows stay in step
    overlap: int = 32  # context that tiles need; the receptive radius where the network is plain convolutions

    def padding(self, size: int) -> int:
        """How many pixels a side of `size` lacks for the network to take it."""
        wanted = max(size, self.minimum)
        return wanted + -wanted % self.multiple - size


def _swinir(scale: int, kind: Literal["classical", "light", "denoise", "jpeg"]) -> nn.Module:
    from spandrel.architectures.SwinIR import SwinIR

    groups, width = (4, 60) if kind == "light" else (6, 180)
    return SwinIR(
        upscale=scale,
        img_size={"classical": 64, "light": 64, "denoise": 128, "jpeg": 126}[kind],
        window_size=7 if kind == "jpeg" else 8,
        img_range=255.0 if kind == "jpeg" else 1.0,
        embed_dim=width,
        depths=[6] * groups,
        num_heads=[6] * groups,
        mlp_ratio=2,
        upsampler={"classical": "pixelshuffle", "light": "pixelshuffledirect"}.get(kind, ""),
    )


def _rrdb() -> nn.Module:
    from spandrel.architectures.ESRGAN import ESRGAN

    return ESRGAN(num_filters=64, num_blocks=23, scale=4)


def _rename_rrdb(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The weights under spandrel's names, from BSRGAN's, ESRGAN's and Real-ESRGAN's."""
    from spandrel.architectures.ESRGAN import ESRGANArch

    known = {"conv_first.weight", "model.0.weight"} & state.keys()
    return ESRGANArch().load(dict(state)).model.state_dict() if known else state


def _craft() -> nn.Module:
    from spandrel.architectures.CRAFT import CRAFT

    return CRAFT()


def _compact() -> nn.Module:
    from spandrel.architectures.Compact import Compact

    return Compact(num_conv=32, upscale=4)


def _transformers() -> Iterator[TeacherInfo]:
    entry = partial(TeacherInfo, minimum=16, grid=8)
    for scale, size in ((2, 11_752_487), (4, 11_900_199)):
        build = partial(_swinir, scale, "classical")
        yield entry(f"swinir-classical-x{scale}", "SwinIR-M", scale, size, build, (f"swinir-m-x{scale}",))
    for scale, size in ((2, 910_152), (3, 918_267), (4, 929_628)):
        build = partial(_swinir, scale, "light")
        yield entry(f"swinir-light-x{scale}", "SwinIR-S", scale, size, build, (f"swinir-s-x{scale}",))
    for sigma in (15, 25):
        name, asset = f"swinir-restoration-noise{sigma}", f"swinir-noise{sigma}"
        yield entry(name, "SwinIR-M", 1, 11_504_163, partial(_swinir, 1, "denoise"), (asset,))
    entry = partial(TeacherInfo, levels="0-255", minimum=14, grid=7)
    name, build = "swinir-restoration-jpeg40", partial(_swinir, 1, "jpeg")
    yield entry(name, "SwinIR-M", 1, 11_492_067, build, ("swinir-jpeg40",))
    entry = partial(TeacherInfo, minimum=8, grid=64, overlap=64)
    yield entry("hit-srf-x4", "HiT-SRF", 4, 866_420, HiTSRF, ("hit-srf-x4",))
    entry = partial(TeacherInfo, minimum=16, grid=16)
    yield entry("craft-x4", "CRAFT", 4, 753_344, _craft, ("craft-x4",))


def _large_convolutions() -> Iterator[TeacherInfo]:
    entry = partial(TeacherInfo, rename=rename_edsr, levels="0-255", overlap=36)
    for scale, size in ((2, 1_369_859), (4, 1_517_571)):
        name = f"edsr-baseline-x{scale}"
        yield entry(name, "EDSR baseline", scale, size, partial(EDSR, scale), (name,))
    full = partial(EDSR, width=256, blocks=32, residual_scale=0.1)
    entry = partial(TeacherInfo, rename=rename_edsr, levels="0-255", overlap=68)
    for scale, size in ((2, 40_729_603), (4, 43_089_923)):
        yield entry(f"edsr-full-x{scale}", "EDSR", scale, size, partial(full, scale), (f"edsr-x{scale}",))
    entry = partial(TeacherInfo, rename=_rename_rrdb)
    yield entry("bsrnet", "RRDB", 4, 16_697_987, _rrdb, ("bsrnet",))
    entry = partial(entry, trained_for="looks")
    yield entry("bsrgan", "RRDB", 4, 16_697_987, _rrdb, ("bsrgan",))
    yield entry("realesrgan-x4", "RRDB", 4, 16_697_987, _rrdb, ("realesrgan-x4plus",))
    entry = partial(TeacherInfo, rename=rename_msrresnet, overlap=36)
    yield entry("msrresnet-x4", "MSRResNet", 4, 1_517_571, MSRResNet, ("msrresnet-x4",))
    yield TeacherInfo("srresnet-x4", "SRResNet", 4, 1_549_443, SRResNet, overlap=40)


def _light_convolutions() -> Iterator[TeacherInfo]:
    yield TeacherInfo("unet", "UNet", 1, 466_595, UNet, multiple=4, grid=4, overlap=24)
    entry = partial(TeacherInfo, levels="0-255", minimum=15, overlap=64)
    for scale, size in ((2, 526_856), (4, 543_740)):
        yield entry(f"rlfn-x{scale}", "RLFN", scale, size, partial(RLFN, scale), (f"rlfn-x{scale}",))
    for scale, size in ((2, 694_404), (4, 715_176)):
        name = f"imdn-x{scale}"
        yield TeacherInfo(name, "IMDN", scale, size, partial(IMDN, scale), (name,))
    entry = partial(TeacherInfo, trained_for="looks", overlap=20)
    for scale, size in ((2, 586_379), (4, 734_092)):
        name, build = f"srgan-generator-x{scale}", partial(SRGANGenerator, scale)
        yield entry(name, "SRGAN generator", scale, size, build, (f"srgan-x{scale}",))
    files = ("realesr-general-x4v3", "realesr-general-x4v3-fp16")
    entry = partial(TeacherInfo, trained_for="looks", overlap=36)
    yield entry("realesrgan-general-x4", "SRVGG", 4, 1_213_296, _compact, files)


_LISTS = (_transformers, _large_convolutions, _light_convolutions)
TEACHERS: dict[str, TeacherInfo] = {info.name: info for entries in _LISTS for info in entries()}
