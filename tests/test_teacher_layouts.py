"""Published checkpoint layouts: what a teacher makes of them, against forward passes written out here."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from sharpstudy.teachers import TeacherError, build_network, load_teacher
from sharpstudy.teachers.hitsrf import Correlation

State = dict[str, torch.Tensor]


def conv(x: torch.Tensor, state: State, name: str, stride: int = 1) -> torch.Tensor:
    weight = state[f"{name}.weight"]
    return F.conv2d(x, weight, state[f"{name}.bias"], stride=stride, padding=weight.shape[-1] // 2)


def random_state(shapes: dict[str, tuple[int, int, int]], seed: int = 1) -> State:
    """Weights and biases of convolutions (out, in, kernel), of a size that keeps features alive."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, (out, inputs, kernel) in shapes.items():
        spread = (inputs * kernel**2) ** -0.5
        state[f"{name}.weight"] = spread * torch.randn(out, inputs, kernel, kernel, generator=generator)
        state[f"{name}.bias"] = 0.01 * torch.randn(out, generator=generator)
    return state


def saved(state: object, path: Path) -> Path:
    torch.save(state, path)
    return path


def official_edsr(blocks: int, width: int) -> State:
    """EDSR-PyTorch's names at x2, with the frozen mean shifts that its files hold."""
    shapes = {"head.0": (width, 3, 3), f"body.{blocks}": (width, width, 3)}
    shapes |= {f"body.{i}.body.{j}": (width, width, 3) for i in range(blocks) for j in (0, 2)}
    shapes |= {"tail.0.0": (4 * width, width, 3), "tail.1": (3, width, 3)}
    mean = 255 * torch.tensor([0.4488, 0.4371, 0.4040])
    eye = torch.eye(3).view(3, 3, 1, 1)
    shifts = {"sub_mean.weight": eye, "sub_mean.bias": -mean, "add_mean.weight": eye, "add_mean.bias": mean}
    return random_state(shapes) | shifts


def forward_edsr(x: torch.Tensor, state: State, blocks: int) -> torch.Tensor:
    first = features = conv(conv(255 * x, state, "sub_mean"), state, "head.0")
    for i in range(blocks):
        features = features + conv(
            conv(features, state, f"body.{i}.body.0").relu(), state, f"body.{i}.body.2"
        )
    features = first + conv(features, state, f"body.{blocks}")
    features = F.pixel_shuffle(conv(features, state, "tail.0.0"), 2)
    return conv(conv(features, state, "tail.1"), state, "add_mean") / 255


def test_edsr_reads_its_authors_checkpoints(tmp_path):
    state = official_edsr(16, 64)
    teacher = load_teacher("edsr-baseline-x2", saved(state, tmp_path / "edsr_baseline_x2.pt"))
    x = torch.rand(1, 3, 12, 17, generator=torch.Generator().manual_seed(2))
    expected = forward_edsr(x, state, 16)[0]
    assert float(expected.std()) > 0.1
    assert torch.allclose(teacher.enlarge(x[0]), expected, atol=1e-4)


def test_edsr_reads_basicsr_names(tmp_path):
    state = official_edsr(16, 64)
    names = {
        "head.0": "conv_first",
        "body.16": "conv_after_body",
        "tail.0.0": "upsample.0",
        "tail.1": "conv_last",
    }
    names |= {f"body.{i}.body.{j}": f"body.{i}.conv{1 + j // 2}" for i in range(16) for j in (0, 2)}
    ours = {
        names[k.rsplit(".", 1)[0]] + "." + k.rsplit(".", 1)[1]: v for k, v in state.items() if "mean" not in k
    }
    teacher = load_teacher("edsr-baseline-x2", saved({"params": ours}, tmp_path / "EDSR_Mx2.pth"))
    x = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(3))
    assert torch.allclose(teacher.enlarge(x[0]), forward_edsr(x, state, 16)[0], atol=1e-4)


def test_edsr_refuses_weights_of_another_range(tmp_path):
    state = official_edsr(16, 64)
    state["add_mean.bias"] = state["add_mean.bias"] / 255
    with pytest.raises(TeacherError, match=r"'edsr-baseline-x2'.*edsr\.pt.*0-255"):
        load_teacher("edsr-baseline-x2", saved(state, tmp_path / "edsr.pt"))


@pytest.mark.parametrize(("trunk", "high"), [("recon_trunk", "HRconv"), ("body", "conv_hr")])
def test_msrresnet_reads_kairs_and_basicsrs_names(tmp_path, trunk, high):
    shapes = {"conv_first": (64, 3, 3), high: (64, 64, 3), "conv_last": (3, 64, 3)}
    shapes |= {"upconv1": (256, 64, 3), "upconv2": (256, 64, 3)}
    shapes |= {f"{trunk}.{i}.conv{j}": (64, 64, 3) for i in range(16) for j in (1, 2)}
    state = random_state(shapes)
    x = torch.rand(1, 3, 8, 11, generator=torch.Generator().manual_seed(4))
    features = F.leaky_relu(conv(x, state, "conv_first"), 0.1)
    for i in range(16):
        inner = conv(features, state, f"{trunk}.{i}.conv1").relu()
        features = features + conv(inner, state, f"{trunk}.{i}.conv2")
    for name in ("upconv1", "upconv2"):
        features = F.leaky_relu(F.pixel_shuffle(conv(features, state, name), 2), 0.1)
    expected = conv(F.leaky_relu(conv(features, state, high), 0.1), state, "conv_last")
    expected = expected + F.interpolate(x, scale_factor=4, mode="bilinear", align_corners=False)
    teacher = load_teacher("msrresnet-x4", saved(state, tmp_path / "msrresnet_x4_psnr.pth"))
    assert torch.allclose(teacher.enlarge(x[0]), expected[0], atol=1e-4)


def test_bsrgan_reads_its_authors_names(tmp_path):
    grown = {1: 64, 2: 96, 3: 128, 4: 160, 5: 192}
    shapes = {"conv_first": (64, 3, 3), "trunk_conv": (64, 64, 3), "conv_last": (3, 64, 3)}
    shapes |= {name: (64, 64, 3) for name in ("upconv1", "upconv2", "HRconv")}
    dense = {f"RRDB_trunk.{i}.RDB{j}": grown for i in range(23) for j in (1, 2, 3)}
    for block in dense:
        shapes |= {f"{block}.conv{k}": (32 if k < 5 else 64, inputs, 3) for k, inputs in grown.items()}
    state = random_state(shapes)
    x = torch.rand(1, 3, 6, 7, generator=torch.Generator().manual_seed(5))
    first = features = conv(x, state, "conv_first")
    for i in range(23):
        outer = features
        for j in (1, 2, 3):
            parts = [features]
            for k in range(1, 5):
                part = conv(torch.cat(parts, 1), state, f"RRDB_trunk.{i}.RDB{j}.conv{k}")
                parts.append(F.leaky_relu(part, 0.2))
            features = features + 0.2 * conv(torch.cat(parts, 1), state, f"RRDB_trunk.{i}.RDB{j}.conv5")
        features = outer + 0.2 * features
    features = first + conv(features, state, "trunk_conv")
    for name in ("upconv1", "upconv2"):
        doubled = F.interpolate(features, scale_factor=2, mode="nearest")
        features = F.leaky_relu(conv(doubled, state, name), 0.2)
    expected = conv(F.leaky_relu(conv(features, state, "HRconv"), 0.2), state, "conv_last")
    teacher = load_teacher("bsrgan", saved(state, tmp_path / "BSRGAN.pth"))
    assert torch.allclose(teacher.enlarge(x[0]), expected[0], atol=1e-4)


def test_swinir_reads_files_saved_for_another_frame_size(tmp_path):
    network = build_network("swinir-light-x2", seed=6)
    state = network.state_dict()
    masks = [key for key in state if key.endswith("attn_mask")]
    assert "layers.0.residual_group.blocks.1.attn_mask" in masks  # as in the published files
    state |= {key: torch.zeros(36, 64, 64) for key in masks}  # those trained on patches of 48 have 36 windows
    teacher = load_teacher("swinir-light-x2", saved({"params": state}, tmp_path / "swinir.pth"))
    x = torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(6))
    with torch.no_grad():
        assert torch.allclose(teacher.enlarge(x), network.eval()(x[None])[0], atol=1e-5)


def test_hit_srf_position_bias_is_the_mean_over_all_pairs_of_pixels():
    """The published definition: a value for each pair of pixels, averaged over the pixels of each cell."""
    torch.manual_seed(7)
    layer = Correlation(width=60, heads=6, window=16, base=8)
    line = torch.arange(16)
    pixels = torch.cartesian_prod(line, line)
    offsets = (pixels[:, None] - pixels[None]).float()
    pairs = layer.pos(offsets.reshape(-1, 2)).reshape(256, 8, 2, 8, 2, 6)  # cells of 2x2 pixels
    expected = pairs.mean(dim=(2, 4)).reshape(256, 64, 6).permute(2, 0, 1)
    assert torch.allclose(layer._bias(), expected, atol=1e-6)
