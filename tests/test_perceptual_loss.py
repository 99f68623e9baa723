"""The perceptual term: both backbones against independent layouts, and refusal where weights are absent."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import nn

from sharpstudy.assets import ASSETS, AssetError
from sharpstudy.losses import Backbone, LossError, MissingBackbone, load_backbone, perceptual
from sharpstudy.losses.perceptual import read_backbone


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a loss tried to download weights")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)
    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    monkeypatch.setattr("sharpstudy.assets.fetch_asset", refuse)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty assets folder, and no cache."""
    monkeypatch.setattr("sharpstudy.assets.search_folders", lambda: {"assets": tmp_path})
    return tmp_path


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the keys and shapes of vgg19's and small random values."""
    generator = torch.Generator().manual_seed(4)
    widths = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256)}
    state = OrderedDict()
    for index, (inputs, outputs) in widths.items():
        weight = torch.randn(outputs, inputs, 3, 3, generator=generator)
        state[f"features.{index}.weight"] = weight / (4.5 * inputs) ** 0.5
        state[f"features.{index}.bias"] = torch.randn(outputs, generator=generator)
    path = tmp_path_factory.mktemp("weights") / "vgg19.pth"
    torch.save(state, path)
    return path


@pytest.fixture
def backbone(assets: Path) -> Backbone:
    return load_backbone("vgg19-normalised")


def frames(height: int = 21, width: int = 30, seed: int = 3) -> torch.Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(seed))


def photograph() -> torch.Tensor:
    import skimage

    return torch.from_numpy(skimage.data.chelsea()[50:250, 100:300].copy()).permute(2, 0, 1)[None] / 255


def blurred(frame: torch.Tensor, times: int) -> torch.Tensor:
    for _ in range(times):
        frame = nn.functional.avg_pool2d(frame, 3, 1, 1, count_include_pad=False)
    return frame


def as_numbered(path: Path) -> nn.Sequential:
    """The network whose layers the keys of the normalised file number: padding and ReLU count as layers."""
    layers: list[nn.Module] = [nn.Conv2d(3, 3, 1)]
    for block in ([(3, 64), (64, 64)], [(64, 128), (128, 128)], [(128, 256)]):
        for inputs, outputs in block:
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(inputs, outputs, 3), nn.ReLU()]
        layers.append(nn.MaxPool2d(2, 2, ceil_mode=True))
    network = nn.Sequential(*layers[:-1])
    network.load_state_dict(torch.load(path, weights_only=True))
    return network


@pytest.mark.parametrize("size", [(8, 8), (21, 30), (64, 33)])
def test_the_normalised_backbone_is_the_network_that_its_file_numbers(assets, backbone, size):
    expected = as_numbered(assets / ASSETS["vgg19-normalised"].path)(frames(*size))
    assert expected.shape[1:] == (256, -(-size[0] // 4), -(-size[1] // 4))
    assert torch.allclose(backbone(frames(*size)), expected, atol=1e-4)


def test_the_normalised_backbone_takes_rgb_from_0_to_1(backbone):
    """Its activations were scaled to a mean of 1 over photographs; other ranges are far from it."""
    photo = photograph()
    assert 0.5 < backbone(photo).mean() < 1.5
    assert backbone(photo * 255).mean() > 50


@pytest.mark.parametrize("size", [(8, 8), (21, 30), (64, 33)])
def test_vgg19_is_torchvisions_with_imagenets_normalisation(stored, size):
    transforms = pytest.importorskip("torchvision.transforms.functional")
    from torchvision.models.vgg import cfgs, make_layers

    features = make_layers(cfgs["E"][:8])[:12]  # to the ReLU after conv3_1
    state = {key.removeprefix("features."): value for key, value in torch.load(stored).items()}
    features.load_state_dict({key: value for key, value in state.items() if not key.startswith("12.")})
    normalised = transforms.normalize(frames(*size), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    expected = features(normalised)
    assert expected.shape[1:] == (256, size[0] // 4, size[1] // 4)
    assert torch.allclose(read_backbone("vgg19", stored)(frames(*size)), expected, atol=1e-4)


def test_the_term_is_the_mean_squared_difference_of_the_features(stored):
    backbone = read_backbone("vgg19", stored)
    restored, reference = frames(seed=1), frames(seed=2)
    expected = torch.nn.functional.mse_loss(backbone(restored), backbone(reference))
    assert expected > 0.01
    assert perceptual(restored, reference, backbone).item() == pytest.approx(expected.item(), rel=1e-6)


def test_the_gradient_reaches_the_frames_and_nothing_else(stored):
    backbone = read_backbone("vgg19", stored)
    restored, reference = frames(seed=1).requires_grad_(True), frames(seed=2).requires_grad_(True)
    perceptual(restored, reference, backbone).backward()
    assert restored.grad.abs().max() > 0
    assert reference.grad is None
    assert list(backbone.parameters()) == []
    assert backbone.state_dict() == {}
    assert not any(buffer.requires_grad for buffer in backbone.buffers())


def test_the_gradient_is_that_of_finite_differences(stored):
    backbone = read_backbone("vgg19", stored).double()
    restored, reference = (frames(8, 9, seed).double()[:1] for seed in (1, 2))
    compare = torch.autograd.gradcheck
    assert compare(
        lambda one: perceptual(one, reference, backbone), restored.requires_grad_(), fast_mode=True
    )


def test_identical_and_constant_frames(stored):
    backbone = read_backbone("vgg19", stored)
    for reference, restored in [(frames(), frames()), (torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 16, 16))]:
        restored.requires_grad_(True)
        value = perceptual(restored, reference, backbone)
        value.backward()
        assert restored.grad.isfinite().all()
        assert (value.item() == 0) == torch.equal(restored, reference)
        assert value.item() == 0 or restored.grad.abs().max() > 0


def test_half_precision_and_autocast_score_as_float32(backbone):
    reference = photograph()
    restored = blurred(reference, 1)
    value = perceptual(restored, reference, backbone)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(perceptual(restored, reference, backbone), value)
    half = perceptual(restored.bfloat16(), reference, backbone)
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(value.item(), rel=0.02)


def test_more_blur_scores_worse(backbone):
    reference = photograph()
    values = [perceptual(blurred(reference, times), reference, backbone).item() for times in range(4)]
    assert values[0] == 0
    assert values == sorted(values)
    assert values[1] > 0.1


def test_small_frames_and_other_shapes_are_refused(stored):
    backbone = read_backbone("vgg19", stored)
    with pytest.raises(LossError, match=r"perceptual: expected .* at least 8x8"):
        perceptual(frames(7, 30), frames(7, 30), backbone)
    with pytest.raises(LossError, match="perceptual: expected frames of floats with the shape"):
        perceptual(frames(), frames()[:1], backbone)


def test_without_weights_the_answer_says_how_to_get_them(nowhere, no_download):
    with pytest.raises(MissingBackbone, match=r"`sharpstudy fetch vgg19` gets it \(574\.7 MB\)") as caught:
        load_backbone()
    assert "sharpstudy fetch vgg19-normalised" in str(caught.value)
    assert isinstance(caught.value, ValueError)
    with pytest.raises(MissingBackbone) as caught:
        load_backbone("vgg19")
    assert "vgg19-normalised" not in str(caught.value)


def test_an_unknown_backbone_is_refused(nowhere):
    with pytest.raises(LossError, match="expected one of vgg19, vgg19-normalised, got 'vgg16'"):
        load_backbone("vgg16")


def test_torchvisions_file_comes_first_and_the_other_one_stands_in(nowhere, no_download, stored, monkeypatch):
    """An altered vgg19 is an error, not a reason to compare with other features."""
    stand_in = nowhere / ASSETS["vgg19-normalised"].path
    stand_in.parent.mkdir(parents=True)
    stand_in.write_bytes(b"not the published weights")
    with pytest.raises(AssetError, match=r"vgg19_normalised_conv3_1\.pth is not intact"):
        load_backbone()
    (nowhere / ASSETS["vgg19"].path).write_bytes(stored.read_bytes())
    with pytest.raises(AssetError, match=r"vgg19-dcbb9e9d\.pth is not intact"):
        load_backbone()
    monkeypatch.setattr("sharpstudy.assets.check_asset", lambda asset, path: None)
    assert load_backbone().name == "vgg19"


def test_a_file_of_another_network_or_with_code_in_it_is_refused(stored, tmp_path):
    with pytest.raises(LossError, match="expected the weights of vgg19-normalised, got a file without"):
        read_backbone("vgg19-normalised", stored)
    hostile = tmp_path / "vgg19.pth"
    torch.save({"features.0.weight": print}, hostile)
    with pytest.raises(pickle.UnpicklingError, match=r"[Ww]eights.only"):
        read_backbone("vgg19", hostile)
