"""Learned perceptual distances, computed with their published weights or not at all."""

from __future__ import annotations

import functools
import hashlib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sharpstudy.metrics.inputs import Unavailable, check_pair, check_side

if TYPE_CHECKING:
    import torch

BACKBONES = ("squeezenet1_1", "squeezenet1_1-fp16")  # torchvision's file, or its features rounded to 16 bits
HEAD = "lpips-squeeze"
DISTS_BACKBONE = "vgg16-397923af.pth"
LEAST_SIDE = 32  # below this the deepest features have no extent


def lpips(reference: np.ndarray, restored: np.ndarray) -> float | Unavailable:
    """LPIPS v0.1 with the SqueezeNet backbone (Zhang et al. 2018); 0 for identical frames, lower is better.

    Without its two weight files, or without the lpips package, the answer is the reason: random weights or
    another backbone would give numbers of no meaning under the same name.
    """
    check_pair(reference, restored)
    check_side(reference, LEAST_SIDE, "lpips")
    network = lpips_network()
    return network if isinstance(network, Unavailable) else _distance(network, reference, restored, "signed")


def dists(reference: np.ndarray, restored: np.ndarray) -> float | Unavailable:
    """DISTS (Ding et al. 2020) by torchmetrics; 0 for identical frames, lower is better.

    It needs torchvision's VGG-16 weights in torch's own cache of checkpoints, and never fetches them.
    """
    check_pair(reference, restored)
    check_side(reference, LEAST_SIDE, "dists")
    network = dists_network()
    return network if isinstance(network, Unavailable) else _distance(network, reference, restored, "unit")


def lpips_network() -> torch.nn.Module | Unavailable:
    """The LPIPS network with its published weights, for batches (n, 3, h, w) in [-1, 1], or the reason."""
    from sharpstudy.assets import find_asset

    backbone = next((name for name in BACKBONES if find_asset(name)), None)
    missing = [*([] if backbone else BACKBONES[:1]), *([] if find_asset(HEAD) else [HEAD])]
    if missing:
        return Unavailable(f"weights absent: {', '.join(missing)}")
    try:
        return _lpips_network(backbone)
    except ImportError as error:
        return Unavailable(f"{error.name} is not installed")


@functools.lru_cache(maxsize=1)
def _lpips_network(backbone: str) -> torch.nn.Module:
    """The network of the lpips package, every value of it read from two files whose sha256 is checked."""
    import lpips as package
    import torch

    from sharpstudy.assets import require_asset

    # building it draws values, all of them replaced below, and calls torchvision in a deprecated way
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        network = package.LPIPS(net="squeeze", pretrained=False, pnet_rand=True, verbose=False)
    stored = {
        key.removeprefix("features."): value.float()
        for key, value in torch.load(require_asset(backbone), map_location="cpu", weights_only=True).items()
        if key.startswith("features.")
    }
    # torchvision's 3.squeeze.bias is slice2.3.squeeze.bias here
    slices = {key.partition(".")[2]: key for key in network.net.state_dict()}
    network.net.load_state_dict({slices.get(key, key): value for key, value in stored.items()})
    heads = torch.load(require_asset(HEAD), map_location="cpu", weights_only=True)
    for index, layer in enumerate(network.lins):
        layer.load_state_dict({"model.1.weight": heads[f"lin{index}.model.1.weight"]})
    return network.eval().requires_grad_(False)


def dists_network() -> torch.nn.Module | Unavailable:
    """torchmetrics' DISTS network, for batches (n, 3, h, w) in [0, 1]; or why there is none."""
    import torch

    path = Path(torch.hub.get_dir()) / "checkpoints" / DISTS_BACKBONE
    if not path.is_file():
        return Unavailable(f"weights absent: {DISTS_BACKBONE}")
    if not _sha256(path).startswith(DISTS_BACKBONE.split("-")[1].removesuffix(".pth")):
        return Unavailable(f"{DISTS_BACKBONE} is not the published file: its sha256 differs from its name")
    try:
        return _dists_network()
    except ImportError as error:
        return Unavailable(f"{error.name} with DISTS is not installed")


@functools.cache
def _dists_network() -> torch.nn.Module:
    """torchmetrics' network, which finds the checked file in torch's cache by itself."""
    from torchmetrics.functional.image.dists import DISTSNetwork

    return DISTSNetwork(load_weights=True).eval().requires_grad_(False)


@functools.lru_cache(maxsize=1)
def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _distance(network: torch.nn.Module, reference: np.ndarray, restored: np.ndarray, span: str) -> float:
    import torch

    first, second = (
        torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1)[None].float() / 255
        for frame in (reference, restored)
    )
    if span == "signed":
        first, second = 2 * first - 1, 2 * second - 1
    with torch.inference_mode():
        return float(network(first, second))
