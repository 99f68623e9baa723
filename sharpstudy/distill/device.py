"""Where and in which precision a training runs: one process by itself, or several that torchrun started."""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch

from sharpstudy.distill.settings import Precision, TrainingError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

PACKAGES = ("lightning_fabric", "lightning.fabric")  # the same library, by itself or inside lightning
FABRIC_PRECISION = {"bf16": "bf16-mixed", "fp16": "16-mixed"}


def start_fabric(device: str = "auto", precision: Precision = "fp32") -> Fabric:
    """Fabric on the device: a process of torchrun's takes its place among the others, any other stays alone.

    device: "auto" for a GPU where there is one, "cpu", "cuda", "mps", or one GPU of several as "cuda:1".
    """
    kind, _, index = choose_device(device).partition(":")
    processes, here = process_count(), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    parallel = {"strategy": "ddp", "devices": here, "num_nodes": max(1, processes // here)}
    alone = {"strategy": "auto", "devices": [int(index)] if index else 1}
    if processes > 1 and index:
        raise TrainingError(f"device: expected {kind!r}, because torchrun deals out the GPUs, got {device!r}")
    exact = choose_precision(precision, kind)
    plugins = [] if exact == "fp32" else [_mixed_precision(FABRIC_PRECISION[exact], kind)]
    fabric = _library().Fabric(
        accelerator=kind, plugins=plugins or None, **(parallel if processes > 1 else alone)
    )
    _look_for_gpus_once()
    fabric.launch()
    return fabric


def process_count() -> int:
    """How many processes train together: what torchrun says, else one."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "TORCHELASTIC_RUN_ID" in os.environ else 1


def process_rank() -> int:
    """The number of this process among those that train together; 0 writes the files."""
    return int(os.environ.get("RANK", "0")) if process_count() > 1 else 0


def choose_device(device: str) -> str:
    """The device itself where "auto" is asked for; a device that is not there is refused."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next(kind for kind in ("cuda", "mps", "cpu") if there[kind])
    kind, colon, index = device.partition(":")
    known = kind in there and (not colon or (kind == "cuda" and index.isdecimal()))
    if not known or not there[kind] or (index and int(index) >= torch.cuda.device_count()):
        usable = ", ".join(kind for kind, is_there in there.items() if is_there)
        raise TrainingError(f"device: expected auto or one of this machine's ({usable}), got {device!r}")
    return device


def choose_precision(precision: Precision, kind: str) -> Precision:
    """The precision that "mixed" means on a kind of device; fp16 is refused where gradients cannot be scaled.

    A CPU computes bf16 more slowly than float32 unless it has instructions for it, so "mixed" is fp32 there.
    """
    if precision == "mixed":
        if kind != "cuda":
            return "fp32"
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if precision == "fp16" and kind != "cuda":
        raise TrainingError(
            f"precision: expected fp32 or bf16 on {kind}, because fp16 needs CUDA, got 'fp16'"
        )
    return precision


def _mixed_precision(precision: str, kind: str) -> Any:
    """Autocast for the network, while the frames themselves stay float32.

    Fabric's own would round every frame to 8 or 11 significant bits first, references and targets too, and
    so put an error of up to half a grey level into what is learned.
    """
    amp = import_module(f"{_library().__name__}.plugins.precision.amp")

    class FullFrames(amp.MixedPrecision):
        def convert_input(self, data: Any) -> Any:
            return data

    return FullFrames(precision, device=kind)


def _look_for_gpus_once() -> None:
    """Where there is no GPU, undoes Fabric's wish that torch look for one through NVIDIA's library.

    An optimiser asks at every step whether there is a GPU. Through that library torch searches the disk for
    it each time, which takes as long as the step of a small network.
    """
    if not torch.cuda.is_available():
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)


def _library() -> ModuleType:
    for package in PACKAGES:
        try:
            return import_module(package)
        except ModuleNotFoundError as error:
            if error.name not in (package, package.partition(".")[0]):
                raise
    raise TrainingError("training: expected the library lightning-fabric, or lightning, got neither")
