"""Cues: read off a frame in PyTorch, in the exported graph and by hand; given to students beside patches."""

import numpy as np
import onnx
import pytest
import torch
from scipy.ndimage import gaussian_filter

from sharpstudy.data.entries import write_entry
from sharpstudy.data.frames import to_frame, to_tensor, write_frame
from sharpstudy.data.pairs import PairEntry, PairStore
from sharpstudy.data.patches import Patches
from sharpstudy.distill.from_recipe import cues_of
from sharpstudy.evaluate.networks import reach_of
from sharpstudy.runtime import Sharpener
from sharpstudy.runtime.graph import build_graph, spare_channels
from sharpstudy.runtime.layers import layers_of
from sharpstudy.runtime.pictures import sharpen_picture
from sharpstudy.runtime.tiles import Tiles
from sharpstudy.runtime.unbuilt import student_of
from sharpstudy.students import CUES, StudentError, build_student, read_cues


def texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A frame with soft shapes, fine detail and a flat box with hard edges."""
    noise = rng.normal(0, 1, (2, height, width, 3))
    soft = 120 + 300 * gaussian_filter(noise[0], (5, 5, 0)) + 90 * gaussian_filter(noise[1], (0.6, 0.6, 0))
    soft[height // 3 : height // 2, width // 4 : width // 2] = 60
    return soft.clip(0, 255).astype(np.uint8)


def cues_by_hand(frame: np.ndarray) -> list[float]:
    """The cues as their definition reads, place by place."""
    height, width = frame.shape[:2]
    ratios = {"strong": [0, 0.0, 0.0], "wide": [0, 0.0, 0.0], "weak": [0, 0.0, 0.0]}
    flat = smooth = places = 0
    for row in range(64):
        line = frame[(2 * row + 1) * height // 128, :, 1].astype(int)
        for x in range(4, width - 4):
            one, two, four = (line[x - k] - 2 * line[x] + line[x + k] for k in (1, 2, 4))
            places += 1
            flat += one == 0
            smooth += abs(one) <= 1
            for name, near, far, there in (
                ("strong", one, two, abs(two) >= 48),
                ("wide", two, four, abs(four) >= 48),
                ("weak", one, two, 12 <= abs(two) < 48),
            ):
                if there:
                    ratios[name][0] += 1
                    ratios[name][1] += near**2
                    ratios[name][2] += far**2
    left = [(near / far) ** 0.5 if count >= 20 else 0.5 for count, near, far in ratios.values()]
    return [round(min(value, 1) * 255) / 255 for value in (*left, flat / places, smooth / places)]


def lively(rng: np.random.Generator, **arguments: int) -> torch.nn.Module:
    student = build_student("realtime", width=16, depth=3, **arguments)
    with torch.no_grad():
        student.last.weight.normal_(0, 0.02)
        student.first.weight[:, 3 * student.unshuffle**2 :].normal_(0, 0.5)
    return student.eval()


def cues_of_graph(model: bytes, frame: np.ndarray) -> np.ndarray:
    from onnxruntime import InferenceSession

    proto = onnx.load_from_string(model)
    proto.graph.output.append(onnx.helper.make_tensor_value_info("cues", onnx.TensorProto.UINT8, None))
    return InferenceSession(proto.SerializeToString()).run(["cues"], {"frame": frame})[0]


@pytest.mark.parametrize("size", [(96, 120), (30, 45), (200, 12)])
def test_cues_are_what_their_definition_says(rng, size):
    frame = texture(rng, *size)
    np.testing.assert_allclose(read_cues(to_tensor(frame)[None])[0], cues_by_hand(frame), atol=1e-6)


def test_cues_tell_soft_frames_from_sharp_ones_and_flat_ones_from_either(rng):
    sharp = rng.integers(0, 256, (90, 90, 3)).astype(np.uint8)
    soft = gaussian_filter(sharp, (1.0, 1.0, 0))
    flat = np.full_like(sharp, 90)
    told = read_cues(torch.stack([to_tensor(frame) for frame in (sharp, soft, flat)]))
    assert told.shape == (3, CUES)
    assert (told[0, :2] > told[1, :2] + 0.1).all()
    assert told[2].tolist() == pytest.approx([0.5, 0.5, 0.5, 1, 1], abs=1 / 255)


@pytest.mark.parametrize("size", [(96, 120), (33, 48), (6, 6)])
def test_the_graph_reads_the_same_cues(rng, size):
    frame = texture(rng, *size)
    exact = (read_cues(to_tensor(frame)[None])[0] * 255).numpy()
    read = cues_of_graph(build_graph(layers_of(lively(rng, unshuffle=3, cues=CUES))), frame)
    assert np.abs(read - exact).max() <= 1  # a sum in another order may round the other way


@pytest.mark.parametrize(("unshuffle", "cues", "channels"), [(3, 5, 32), (3, 2, 32), (2, 4, 16), (4, 5, 64)])
def test_a_student_with_cues_and_its_file_agree(rng, unshuffle, cues, channels):
    from onnxruntime import InferenceSession

    student, frame = lively(rng, unshuffle=unshuffle, cues=cues), texture(rng, 48, 60)
    assert 3 * unshuffle**2 + cues + spare_channels(unshuffle, cues) == channels
    model = build_graph(layers_of(student), card={"arguments": {**student.arguments, "form": "plain"}})
    made = InferenceSession(model).run(None, {"frame": frame})[0]
    with torch.inference_mode():
        exact = to_frame(student(to_tensor(frame)[None])[0])
        back = to_frame(student_of(model)(to_tensor(frame)[None])[0])
    assert np.abs(made.astype(int) - frame).max() > 3
    for other in (made, back):
        assert np.abs(other.astype(int) - exact).max() <= 1


def test_cues_change_what_a_student_makes_of_the_same_place(rng):
    student, frames = lively(rng, unshuffle=3, cues=5), to_tensor(texture(rng, 48, 60))[None]
    with torch.inference_mode():
        own = student(frames)
        assert torch.equal(student(frames, read_cues(frames)), own)
        assert not torch.allclose(student(frames, torch.zeros(1, CUES)), own)
        assert torch.allclose(student.folded()(frames), own, atol=1e-5)
    assert reach_of(student) is None
    assert reach_of(build_student("realtime")) is not None


def test_a_fresh_student_with_cues_returns_its_input(rng):
    frames = to_tensor(texture(rng, 25, 31))[None]
    with torch.inference_mode():
        assert torch.equal(build_student("realtime", unshuffle=3, cues=5)(frames), frames)
    with pytest.raises(StudentError, match="cues must be a whole number from 0 to 5"):
        build_student("realtime", cues=6)


def test_a_patch_comes_with_the_cues_of_its_whole_frame(rng, tmp_path):
    entries = []
    for name in "abc":
        frame = texture(rng, 64, 80)
        files = [f"{name}-reference.npy", f"{name}-degraded.npy"]
        write_entry(tmp_path / files[0], frame)
        write_entry(tmp_path / files[1], gaussian_filter(frame, (rng.uniform(0.3, 2),) * 2 + (0,)))
        entries.append(PairEntry(name, name, name, "nature", "train", 0, 80, 64, 1, *files))
    store = PairStore(tmp_path, entries)
    cues = cues_of(store)
    assert len(np.unique(cues[:, 0])) == 3
    whole = [read_cues(to_tensor(np.asarray(store.pair(index).degraded))[None])[0] for index in range(3)]
    np.testing.assert_array_equal(cues, torch.stack(whole))
    patches = Patches(store, 32, 8, 0, facts={"cues": cues})
    batch, places = patches.batch(3), patches.places(range(24, 32))
    np.testing.assert_array_equal(batch["cues"], cues[[place.pair for place in places]])
    with pytest.raises(ValueError, match="a row for each pair"):
        Patches(store, 32, 8, 0, facts={"cues": cues[:2]})


def test_openvino_reads_the_cues_too(rng):
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    student, frame = lively(rng, unshuffle=3, cues=5), texture(rng, 99, 150)
    with (
        Sharpener(student, backend="onnxruntime", bypass="off") as one,
        Sharpener(student, backend="openvino", bypass="off") as other,
    ):
        first = one(frame)
        assert np.abs(first.astype(int) - frame).max() > 3
        for _ in range(2):  # the planes are written for every frame anew
            assert np.abs(other(frame).astype(int) - first).max() <= 1
            other(texture(rng, 99, 150))


def test_a_model_that_reads_the_whole_frame_gets_more_of_a_large_one_at_once(rng, tmp_path):
    with Sharpener(lively(rng, unshuffle=3, cues=5), backend="onnxruntime") as sharpener:
        assert sharpener.tiles.whole == 64_000_000
    with Sharpener(build_student("realtime"), backend="onnxruntime") as sharpener:
        assert sharpener.tiles == Tiles()

    class InPieces:
        tiles, seen = Tiles(whole=1, side=48, overlap=0, grid=48), 0

        def __call__(self, frame: np.ndarray) -> np.ndarray:
            self.seen += 1
            return frame

    write_frame(tmp_path / "large.png", texture(rng, 96, 96))
    pieces = InPieces()
    sharpen_picture(tmp_path / "large.png", tmp_path / "sharp.png", pieces)
    assert pieces.seen == 4
