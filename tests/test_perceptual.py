"""LPIPS with its published weights against torchmetrics, and honest absence without them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sharpstudy.metrics import Unavailable, dists, lpips
from sharpstudy.metrics.perceptual import (
    BACKBONES,
    DISTS_BACKBONE,
    HEAD,
    dists_network,
    lpips_network,
)

torch = pytest.importorskip("torch")


@pytest.fixture
def network(assets):
    """The LPIPS network, or a skip where a weight file or the package is absent."""
    found = lpips_network()
    if isinstance(found, Unavailable):
        pytest.skip(found.reason)
    return found


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a metric tried to download weights")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)
    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)


def frames(rng: np.random.Generator, side: int = 96) -> tuple[np.ndarray, np.ndarray]:
    reference = rng.integers(0, 256, (side, side + 9, 3), dtype=np.uint8)
    return reference, np.clip(reference + rng.normal(0, 20, reference.shape), 0, 255).astype(np.uint8)


def test_lpips_gives_the_values_that_torchmetrics_documents(network):
    seeded = torch.Generator().manual_seed(42)
    first, second = (torch.rand(2, 3, 100, 100, generator=seeded) * 2 - 1 for _ in range(2))
    assert network(first, second).flatten().tolist() == pytest.approx([0.1024, 0.0938], abs=1e-4)


def test_lpips_of_frames_is_that_of_torchmetrics_own_network(network, assets, rng, no_download):
    module = pytest.importorskip("torchmetrics.functional.image.lpips")
    from sharpstudy.assets import find_asset

    other = module._LPIPS(pretrained=True, net="squeeze", pnet_rand=True, eval_mode=True)
    backbone = next(path for name in BACKBONES if (path := find_asset(name)))
    stored = torch.load(backbone, map_location="cpu", weights_only=True)
    features = [value.float() for key, value in stored.items() if key.startswith("features.")]
    other.net.load_state_dict(
        dict(zip(other.net.state_dict(), features, strict=True))
    )  # same layers, same order
    reference, restored = frames(rng)
    tensors = [torch.from_numpy(frame).permute(2, 0, 1)[None] / 255 for frame in (reference, restored)]
    with torch.no_grad():
        expected = other(*tensors, normalize=True).item()
    assert expected > 0.01
    assert lpips(reference, restored) == pytest.approx(expected, rel=1e-4)


def test_lpips_is_zero_for_identical_frames_and_symmetric(network, rng):
    reference, restored = frames(rng)
    assert lpips(reference, reference) == 0
    assert lpips(reference, restored) == pytest.approx(lpips(restored, reference), rel=1e-5)


def test_building_lpips_downloads_nothing_and_leaves_the_random_state_alone(network, no_download):
    from sharpstudy.metrics import perceptual

    perceptual._lpips_network.cache_clear()
    state = torch.random.get_rng_state()
    assert not isinstance(lpips_network(), Unavailable)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("missing", [HEAD, *BACKBONES[:1]])
def test_lpips_without_its_weights_is_a_reason_and_no_number(rng, monkeypatch, missing, no_download):
    absent = {HEAD} if missing == HEAD else set(BACKBONES)
    monkeypatch.setattr("sharpstudy.assets.find_asset", lambda name: None if name in absent else Path(name))
    reference, restored = frames(rng)
    assert lpips(reference, restored) == Unavailable(f"weights absent: {missing}")


def test_lpips_without_its_package_is_a_reason(network, monkeypatch, rng):
    from sharpstudy.metrics import perceptual

    perceptual._lpips_network.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "lpips", None)
    assert lpips(*frames(rng)) == Unavailable("lpips is not installed")


def test_dists_without_its_weights_is_a_reason_and_fetches_nothing(rng, monkeypatch, tmp_path, no_download):
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    assert dists(*frames(rng)) == Unavailable(f"weights absent: {DISTS_BACKBONE}")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / DISTS_BACKBONE).write_bytes(b"something else")
    assert "not the published file" in dists(*frames(rng)).reason


def test_dists_gives_the_values_that_torchmetrics_documents():
    network = dists_network()
    if isinstance(network, Unavailable):
        pytest.skip(network.reason)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(42)
        first, second = torch.rand(5, 3, 256, 256), torch.rand(5, 3, 256, 256)
    assert network(first, second).mean().item() == pytest.approx(0.1308, abs=0.003)


@pytest.mark.parametrize("metric", [lpips, dists])
def test_floats_and_tiny_frames_are_refused(metric, rng):
    reference, restored = frames(rng)
    with pytest.raises(ValueError, match="uint8"):
        metric(reference, restored / 255.0)
    with pytest.raises(ValueError, match="32 pixels"):
        metric(reference[:20], restored[:20])
