"""The sharpener: equal frames from every backend, no memory per frame, edges, strength, bypass, failures."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from sharpstudy import paths
from sharpstudy.runtime import (
    Sharpener,
    SharpenerError,
    available_backends,
    available_models,
    choosing,
    export_student,
    threads,
)
from sharpstudy.students import build_student, save_student
from tests.runtime_tools import eager, soft_frames, trained


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("runtime") / "sharp.onnx"
    export_student(trained(), path, "int8", soft_frames(6, 96, 96))
    return path


def apart(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.abs(a.astype(np.int16) - b).max())


def test_a_fresh_student_gives_frames_back(rng) -> None:
    frame = rng.integers(0, 256, (33, 46, 3), dtype=np.uint8)
    with Sharpener(build_student("realtime"), backend="onnxruntime", bypass="off") as sharpener:
        assert np.array_equal(sharpener(frame), frame)


@pytest.mark.parametrize("size", [(64, 96), (61, 94), (17, 16), (5, 3), (1, 1)])
def test_frames_of_any_size_are_restored_as_in_pytorch(size: tuple[int, int], monkeypatch) -> None:
    monkeypatch.setattr("sharpstudy.runtime.engine.SMALLEST", 1)
    student = trained()
    frame = soft_frames(1, *size)[0]
    sharpener = Sharpener(student, backend="onnxruntime", bypass="off")
    assert apart(sharpener(frame), eager(student, frame)) <= 1
    assert sharpener(frame).shape == frame.shape


@pytest.mark.parametrize(
    "backend", ["openvino", "torch", pytest.param("torch-compiled", marks=pytest.mark.slow)]
)
def test_backends_agree_within_a_grey_level(file: Path, backend: str) -> None:
    if backend == "openvino":
        pytest.importorskip("openvino")
    if backend == "torch-compiled" and sys.platform == "win32":
        pytest.skip("torch.compile needs a compiler")
    frame = soft_frames(1, 90, 122)[0]
    model = file if backend == "openvino" else trained()
    one = Sharpener(model, backend="onnxruntime", bypass="off")(frame)
    other = Sharpener(model, backend=backend, bypass="off")(frame)
    assert apart(one, other) <= (1 if backend != "torch-compiled" else 2)  # bf16
    assert apart(one, frame) > 5


def test_torch_reads_the_exported_file_too(file: Path) -> None:
    frame = soft_frames(1, 64, 64)[0]
    one, other = (Sharpener(file, backend=name, bypass="off")(frame) for name in ("onnxruntime", "torch"))
    lost = np.mean((one.astype(float) - other) ** 2)
    assert lost < 0.003 * np.mean((other.astype(float) - frame) ** 2)  # its features are not quantised


def test_what_lies_in_memory_oddly_gives_the_same(file: Path) -> None:
    sharpener, frame = Sharpener(file, backend="onnxruntime", bypass="off"), soft_frames(1, 64, 96)[0]
    expected = sharpener(frame)
    padded = np.zeros((64, 200, 3), np.uint8)
    padded[:, 50:146] = frame
    mirrored = np.ascontiguousarray(frame[:, ::-1, ::-1])[:, ::-1, ::-1]
    wide = np.zeros((64, 200, 3), np.uint8)
    for view in (padded[:, 50:146], mirrored, np.asfortranarray(frame)):
        assert np.array_equal(sharpener(view, out=wide[:, 50:146]), expected)
    itself = frame.copy()
    assert np.array_equal(sharpener(itself, out=itself), expected)
    readonly = frame.copy()
    readonly.flags.writeable = False
    assert np.array_equal(sharpener(readonly), expected)


@pytest.mark.parametrize("size", [(240, 320), (237, 318)])
def test_a_warm_sharpener_takes_no_memory_per_frame(file: Path, size: tuple[int, int]) -> None:
    sharpener, frame = Sharpener(file, backend="onnxruntime", bypass="off"), soft_frames(1, *size)[0]
    out = np.empty_like(frame)
    for _ in range(3):
        assert sharpener(frame, out=out) is out
    tracemalloc.start()
    for _ in range(5):
        sharpener(frame, out=out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < frame.nbytes / 20


def test_the_frame_is_never_changed(file: Path) -> None:
    frame = soft_frames(1, 62, 63)[0]
    before = frame.copy()
    Sharpener(file, backend="onnxruntime", bypass="off")(frame)
    assert np.array_equal(frame, before)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino", "torch"])
def test_the_strength_dial(file: Path, backend: str) -> None:
    if backend == "openvino":
        pytest.importorskip("openvino")
    frame = soft_frames(1, 64, 64)[0]
    sharpener = Sharpener(file, backend=backend, bypass="off")
    full = sharpener(frame).astype(float)
    sharpener.strength = 0.5
    inside = (full > 0) & (full < 255)
    assert np.abs(sharpener(frame) - (frame + (full - frame) / 2))[inside].max() <= 1
    sharpener.strength = 0
    assert np.array_equal(sharpener(frame), frame)
    sharpener.strength = 1
    assert np.array_equal(sharpener(frame), full)


def test_sharp_frames_and_tiny_ones_pass_untouched(file: Path) -> None:
    sharpener = Sharpener(file, backend="onnxruntime")
    board = (np.indices((64, 64)).sum(0) % 8 < 4)[..., None].repeat(3, 2).astype(np.uint8) * 200
    assert np.array_equal(sharpener(board), board)
    assert sharpener.passed
    tiny = soft_frames(1, 15, 64)[0]
    assert np.array_equal(sharpener(tiny), tiny)
    assert not np.array_equal(sharpener(soft_frames(1, 64, 64)[0]), soft_frames(1, 64, 64)[0])
    assert (sharpener.frames, sharpener.bypassed, sharpener.passed) == (3, 2, False)
    sharpener.bypass = "off"
    assert not np.array_equal(sharpener(board), board)


def test_many_threads_and_instances_get_the_frames_of_one(file: Path) -> None:
    frames = soft_frames(6, 48, 64) + soft_frames(6, 61, 33)
    sharpeners = [Sharpener(file, backend="onnxruntime", threads=1, bypass="off") for _ in range(2)]
    expected, wrong = [sharpeners[0](frame) for frame in frames], []

    def work(which: int) -> None:
        for turn in range(24):
            at = (turn * 5 + which) % len(frames)
            if not np.array_equal(sharpeners[which % 2](frames[at]), expected[at]):
                wrong.append(at)

    workers = [threading.Thread(target=work, args=(which,)) for which in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []
    assert sharpeners[0].frames + sharpeners[1].frames == 4 * 24 + len(frames)


def test_the_dial_turns_while_frames_are_restored(file: Path) -> None:
    frame = soft_frames(1, 48, 64)[0]
    sharpener, done, seen = (
        Sharpener(file, backend="onnxruntime", threads=1, bypass="off"),
        threading.Event(),
        [],
    )
    allowed = []
    for strength in (0.0, 0.25, 1.0):
        sharpener.strength = strength
        allowed.append(sharpener(frame).tobytes())

    def work() -> None:
        while not done.is_set():
            seen.append(sharpener(frame).tobytes())

    worker = threading.Thread(target=work)
    worker.start()
    for strength in (0.25, 0.0, 1.0, 0.25, 1.0):
        sharpener.strength = strength
    done.set()
    worker.join()
    assert set(seen) <= set(allowed)


def test_a_model_that_fails_is_counted_and_the_next_frame_is_tried(file: Path) -> None:
    sharpener, frame = Sharpener(file, backend="onnxruntime", bypass="off"), soft_frames(1, 32, 32)[0]
    expected, session = sharpener(frame), sharpener._session

    class Broken:
        def run(self, frame: np.ndarray, out: np.ndarray) -> None:
            raise RuntimeError("the device is gone\nand so on")

    sharpener._session = Broken()
    with pytest.raises(SharpenerError, match=r"failed on a frame: the device is gone$"):
        sharpener(frame)
    assert (sharpener.errors, sharpener.frames) == (1, 1)
    sharpener._session = session
    assert np.array_equal(sharpener(frame), expected)


@pytest.mark.parametrize(
    ("frame", "word"),
    [
        ("a.png", "got str"),
        (np.zeros((8, 8)), "float64"),
        (np.zeros((8, 8, 4), np.uint8), r"\(8, 8, 4\)"),
        (np.zeros((0, 8, 3), np.uint8), r"\(0, 8, 3\)"),
    ],
)
def test_what_is_no_frame_is_refused(file: Path, frame: object, word: str) -> None:
    with pytest.raises(SharpenerError, match=word):
        Sharpener(file, backend="onnxruntime")(frame)


def test_an_out_of_another_size_is_refused(file: Path) -> None:
    with pytest.raises(SharpenerError, match="out: expected a writeable array"):
        Sharpener(file, backend="onnxruntime")(
            np.zeros((32, 32, 3), np.uint8), np.zeros((32, 36, 3), np.uint8)
        )


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"strength": 1.5}, "strength: expected a number from 0 to 1"),
        ({"strength": float("nan")}, "strength"),
        ({"threads": 0}, "threads: expected a whole number from 1"),
        ({"bypass": "yes"}, "bypass: expected 'on' or 'off'"),
        ({"backend": "onnx"}, "backend: expected auto or one of"),
    ],
)
def test_bad_settings_are_refused(file: Path, arguments: dict, word: str) -> None:
    with pytest.raises(SharpenerError, match=word):
        Sharpener(file, **arguments)


def test_auto_says_what_it_chose_and_remembers(file: Path, monkeypatch) -> None:
    monkeypatch.setattr(choosing, "_chosen", {})
    first = Sharpener(file, threads=1)
    assert first.backend in ("onnxruntime", "openvino")
    assert first.about.startswith("sharp (int8) on ")
    assert "1 thread: the " in first.about
    monkeypatch.setattr(choosing, "_times", lambda *_: pytest.fail("measured again"))
    assert Sharpener(file, threads=1).backend == first.backend


def test_auto_passes_over_what_fails_or_differs_with_a_word(file: Path, monkeypatch) -> None:
    class Wrong:
        def run(self, frame: np.ndarray, out: np.ndarray) -> None:
            out[...] = 255 - frame

        def close(self) -> None: ...

    def no_driver(model: object, threads: int) -> None:
        raise OSError("no driver")

    monkeypatch.setattr(choosing, "_chosen", {})
    monkeypatch.setattr(
        choosing, "_candidates", lambda model: ["onnxruntime", "openvino", "onnxruntime-cuda"]
    )
    monkeypatch.setitem(choosing._OPENERS, "openvino", lambda model, threads: Wrong())
    monkeypatch.setitem(choosing._OPENERS, "onnxruntime-cuda", no_driver)
    sharpener = Sharpener(file)
    assert sharpener.backend == "onnxruntime"
    assert "openvino differs from onnxruntime by" in sharpener.about
    assert "onnxruntime-cuda cannot run sharp: no driver" in sharpener.about


def test_a_backend_that_is_not_there_is_refused_by_name(file: Path) -> None:
    state = available_backends()
    assert state["onnxruntime"] == "ready"
    if state["onnxruntime-tensorrt"] != "ready":
        with pytest.raises(SharpenerError, match="has no TensorrtExecutionProvider"):
            Sharpener(file, backend="onnxruntime-tensorrt")


def test_models_that_are_not_there_are_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(paths, "WEIGHTS", tmp_path)
    assert available_models() == ()
    with pytest.raises(SharpenerError, match=r"realtime-S: its weights realtime-S\.onnx are not part"):
        Sharpener("realtime-S")
    with pytest.raises(SharpenerError, match=r"did you mean 'realtime-S'"):
        Sharpener("realtime-s")
    with pytest.raises(SharpenerError, match="found none"):
        Sharpener(tmp_path / "none.onnx")
    (tmp_path / "damaged.onnx").write_bytes(b"no model")
    with pytest.raises(SharpenerError, match="expected an ONNX file that"):
        Sharpener(tmp_path / "damaged.onnx")
    with pytest.raises(SharpenerError, match="keeps the frame's size"):
        Sharpener(build_student("srresnet-edge"))


def test_a_released_file_is_found_by_name(file: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(paths, "WEIGHTS", tmp_path)
    (tmp_path / "realtime.onnx").write_bytes(file.read_bytes())
    assert available_models() == ("realtime", "realtime-M")
    frame = soft_frames(1, 32, 32)[0]
    assert np.array_equal(
        Sharpener(backend="onnxruntime")(frame), Sharpener(file, backend="onnxruntime")(frame)
    )


def test_trained_files_are_run_too(tmp_path: Path) -> None:
    frame = soft_frames(1, 40, 40)[0]
    save_student(trained(), tmp_path / "best.safetensors")
    one = Sharpener(tmp_path / "best.safetensors", backend="onnxruntime", bypass="off")
    assert apart(one(frame), eager(trained(), frame)) <= 1
    published = build_student("unet-attention")
    save_student(published, tmp_path / "unet.safetensors")
    other = Sharpener(tmp_path / "unet.safetensors", bypass="off", strength=0.5)
    assert other.backend == "torch"
    full = eager(published.eval(), frame).astype(float)
    inside = (full > 0) & (full < 255)
    assert np.abs(other(frame) - (frame + full) / 2)[inside].max() <= 1


def test_the_example_of_the_package_runs() -> None:
    import doctest

    import sharpstudy.runtime

    result = doctest.testmod(sharpstudy.runtime)
    assert (result.failed, result.attempted > 3) == (0, True)


def test_who_only_sharpens_pays_for_onnxruntime_alone(file: Path) -> None:
    code = (
        "import sys, numpy as np, sharpstudy.runtime\n"
        "heavy = {'torch', 'onnxruntime', 'onnx', 'openvino', 'PIL', 'av', 'cv2', 'scipy'}\n"
        "light = heavy & set(sys.modules)\n"
        "from sharpstudy.runtime import Sharpener\n"
        "sharpener = Sharpener(sys.argv[1], backend='onnxruntime', bypass='off')\n"
        "sharpener(np.zeros((32, 32, 3), np.uint8))\n"
        "training = {'lightning_fabric', 'torchmetrics', 'spandrel', 'lpips', 'openvino'}\n"
        "print(sorted(light), sorted(({'torch', 'onnx', 'PIL', 'scipy'} | training) & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(file)],
        capture_output=True,
        text=True,
        check=True,
        cwd=paths.ROOT,
        env={**os.environ, "PYTHONPATH": str(paths.ROOT)},
    )
    assert answer.stdout.strip() == "[] []"


def test_threads_by_affinity_and_quota(tmp_path: Path, monkeypatch) -> None:
    assert 1 <= threads.usable_cores() <= threads.MOST
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    for cpu, siblings in enumerate(("0-1", "0-1", "2-3", "2-3")):
        (tmp_path / f"cpu{cpu}/topology").mkdir(parents=True)
        (tmp_path / f"cpu{cpu}/topology/thread_siblings_list").write_text(siblings + "\n")
    monkeypatch.setattr(threads, "_CPUS", tmp_path)
    monkeypatch.setattr(threads, "_QUOTA", tmp_path / "cpu.max")
    assert threads.usable_cores() == 2
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert threads.usable_cores() == 1
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert threads.usable_cores() == 2
    monkeypatch.setenv("OMP_PROC_BIND", "close")
    assert "binds this thread to 4 of 8 cores" in threads.binding_note()
    monkeypatch.delenv("OMP_PROC_BIND")
    assert threads.binding_note() == ""
