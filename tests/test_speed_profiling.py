"""profiling: who is timed and when not, rows and their reasons, goals and sentences by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from sharpstudy.cli.profiling import profile
from sharpstudy.profiling import (
    BUDGETS,
    COLUMNS,
    Bench,
    ProfileError,
    as_table,
    budgets,
    chosen,
    find_candidate,
    list_candidates,
    models,
    opening,
    peaks,
    split,
    study,
)
from sharpstudy.profiling.candidates import PUBLISHED, REALTIME, Candidate, kmac_per_pixel, parameters_of
from sharpstudy.profiling.held import peak_memory
from sharpstudy.profiling.single import Asked, parse_size, profile_one
from sharpstudy.runtime import export_student
from sharpstudy.speed import Check, Machine, Protocol, QuietLimits, Watch

BRIEF = Protocol(warm_up=1, window=1, settled=1.0, warm_up_s=0.01, repeats=3, seconds=0.01, fewest=2)
HEAVY = Candidate("bsrgan-ultralight", "student", "torch", "fp32")


@pytest.fixture
def bench(tmp_path) -> Bench:
    machine = Machine("a processor", 1, ("AVX2",), 8.0, "Linux", "3.12", {})
    return Bench(tmp_path, 1, "cpu", machine, Watch(1, QuietLimits(), lambda: Check(1.0, 1.0)))


@pytest.mark.parametrize(
    ("model", "backend", "expected"),
    [
        ("M", "", ("realtime-M", "realtime", "onnxruntime", "int8")),
        ("realtime", "torch", ("realtime-M", "realtime", "torch", "fp32")),
        ("swinir-cnn", "", ("swinir-cnn", "student", "torch", "fp32")),
        ("rlfn-x4", "", ("rlfn-x4", "teacher", "torch", "fp32")),
        ("copy", "", ("copy", "baseline", "numpy", "uint8")),
    ],
)
def test_a_model_by_name_comes_in_its_usual_form(model: str, backend: str, expected: tuple[str, ...]):
    one = find_candidate(model, backend)
    assert (one.model, one.role, one.backend, one.precision) == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("XL",), "expected one of nano, S, M, L"),
        (("M", "tensorflow"), "got tensorflow any"),
        (("copy", "", "int8"), "numpy uint8"),
        (("missing.onnx",), "existing .onnx"),
    ],
)
def test_what_cannot_be_timed_is_refused_in_a_sentence(words: tuple[str, ...], said: str):
    with pytest.raises(ProfileError, match=said):
        find_candidate(*words)


def test_every_published_student_runs_as_published_and_in_the_fast_runtimes():
    forms = {(one.backend, one.precision) for one in list_candidates(["edsr-residual"])}
    assert {("torch", "fp32"), ("torch-channels-last", "fp32"), ("onnxruntime", "int8")} <= forms


@pytest.mark.parametrize(("format", "precision"), [("onnx", "fp32"), ("int8", "int8")])
def test_a_file_comes_in_the_precision_that_it_holds(format: str, precision: str, tmp_path):
    path = tmp_path / "own.onnx"
    export_student(
        models.fresh_student("realtime-nano"), path, format, calibration=[models.sample_frame(64, 64)]
    )
    one = find_candidate(str(path))
    assert (one.model, one.role, one.backend, one.precision) == (
        str(path),
        "realtime",
        "onnxruntime",
        precision,
    )
    other = "int8" if precision == "fp32" else "fp32"
    with pytest.raises(ProfileError, match=f"onnxruntime {precision}.*got any {other}"):
        find_candidate(str(path), precision=other)


def test_a_frame_of_any_size_comes_back_whole_and_alike_in_float_and_bf16(tmp_path):
    pytest.importorskip("openvino")
    path, frame = tmp_path / "own.onnx", models.sample_frame(65, 47)
    export_student(models.fresh_student("realtime-nano"), path, "onnx")
    whole = {}
    for precision in ("fp32", "bf16"):
        one = find_candidate(str(path), "openvino", precision)
        opened = opening.open_frame(one, tmp_path, frame, 1)
        assert opened.network is not None
        whole[precision] = np.array(opened.end_to_end()).astype(int)
        opened.close()
        assert whole[precision].shape == frame.shape
    assert np.abs(whole["fp32"] - whole["bf16"]).max() <= 2


def test_the_quick_budget_leaves_out_forms_and_the_full_one_none():
    quick, full = (set(chosen(BUDGETS[name])) for name in ("quick", "full"))
    assert quick < full
    assert {one.model for one in quick} >= {*PUBLISHED, *REALTIME, "copy", "unsharp"}
    assert {one.precision for one in quick if one.model == "realtime-S"} == {"int8"}


def test_the_facts_of_a_model_are_those_of_its_folded_form():
    assert parameters_of("realtime-M") == 44_795
    assert parameters_of("bsrgan-ultralight") == 334_147
    # Five convolutions at a ninth of the pixels; the first reads five cues beside the packed frame.
    macs = 9 * (32 * 32 + 3 * 32 * 32 + 32 * 27) / 9
    assert kmac_per_pixel("realtime-M") == pytest.approx(macs / 1000)
    assert kmac_per_pixel("copy") == 0


def test_a_heavy_cell_says_how_heavy_it_is():
    said = budgets.too_heavy(HEAVY, (1920, 1080), BUDGETS["quick"])
    gmac = kmac_per_pixel("bsrgan-ultralight") * 1920 * 1080 / 1e6
    assert f"{gmac:,.0f} G multiply-adds" in said
    assert gmac == pytest.approx(691.6, abs=0.2)
    assert budgets.too_heavy(HEAVY, (256, 256), BUDGETS["quick"]) == ""
    assert budgets.too_heavy(HEAVY, (1920, 1080), BUDGETS["full"]) == ""


def test_a_cell_that_would_not_fit_is_left_out():
    said = budgets.too_large(HEAVY, (3840, 2160), 8.0)
    assert "about 8 GiB of 8 GiB" in said  # 8.3 M pixels x 64 channels x 4 maps x 4 bytes = 7.9 GiB
    assert budgets.too_large(HEAVY, (3840, 2160), 32.0) == ""
    assert budgets.too_large(find_candidate("M"), (3840, 2160), 1.0) == ""


def test_an_unmeasured_cell_is_a_row_with_a_reason_and_no_figures(bench):
    plan = replace(BUDGETS["quick"], protocol=BRIEF, sizes=((1920, 1080),))
    rows = study.profile_study(bench, plan, [HEAVY])
    assert len(rows) == 1
    assert rows[0]["valid"] == "not measured"
    assert "G multiply-adds" in rows[0]["note"]
    assert all(math.isnan(rows[0][name]) for name in ("p50_ms", "p95_ms", "fps", "peak_mb", "repeats"))


def test_a_size_that_a_model_cannot_make_is_a_row_with_a_reason(bench):
    plan = replace(BUDGETS["quick"], protocol=BRIEF, sizes=((30, 30),))
    rows = study.profile_study(bench, plan, [find_candidate("srresnet-edge")])
    assert "multiples of 4, got 30x30" in rows[0]["note"]


def test_rows_have_the_columns_of_profiles_csv(bench):
    plan = replace(BUDGETS["quick"], protocol=BRIEF, sizes=((32, 24),))
    rows = study.profile_study(bench, plan, [find_candidate("copy"), find_candidate("srresnet-edge")])
    table = as_table(rows)
    design = "model backend precision device threads width height stage p50_ms p95_ms p99_ms fps peak_mb"
    assert set(f"{design} parameters kmac_per_pixel machine".split()) <= set(COLUMNS)
    assert list(table.columns) == list(COLUMNS)
    assert list(table["stage"]) == ["end_to_end", "model", "end_to_end"]
    inside, whole = rows[1], rows[2]
    assert inside["p50_ms"] < whole["p50_ms"]
    assert (table["valid"] == "quiet").all()
    assert "reads 8x6, gives 32x24" in whole["note"]
    assert "p95 is the slowest of" in whole["note"]
    assert whole["machine"] == "a processor, 1 cores, AVX2, Linux"


def test_the_network_alone_is_timed_inside_the_same_calls():
    laps = [9.0]

    def call() -> None:
        laps.append(float(len(laps)))

    timings = study.time_stages(opening.Opened(call, laps=laps), BRIEF)
    count = len(timings["end_to_end"].milliseconds)
    assert timings["model"].milliseconds == tuple(laps[-count:])


def test_an_unsharp_mask_is_the_same_in_every_library():
    frame = models.sample_frame(64, 48)
    restored = {}
    for one in list_candidates(["unsharp"]):
        restored[one.backend] = np.array(opening._open_baseline(one, frame, 1).end_to_end()).astype(int)
    inner = np.s_[6:-6, 6:-6]
    for backend, values in restored.items():
        assert np.abs(values[inner] - restored["scipy"][inner]).max() <= 1, backend
    assert np.abs(restored["torch"] - frame.astype(int)).max() > 4


def test_the_sample_frame_is_the_same_every_time_and_not_flat():
    frame = models.sample_frame(40, 30)
    assert frame.shape == (30, 40, 3)
    assert (frame == models.sample_frame(40, 30)).all()
    assert frame.std() > 20


@pytest.mark.parametrize("name", [*PUBLISHED, *REALTIME])
def test_random_weights_make_no_subnormal_numbers(name: str):
    """Arithmetic on numbers below 1e-38 can take a hundred times as long; no feature map may hold any."""
    student = models.student_of(name)
    smallest = torch.finfo(torch.float32).tiny
    found: list[int] = []

    def count(module: torch.nn.Module, given: object, made: torch.Tensor) -> None:
        found.append(int(((made != 0) & (made.abs() < smallest)).sum()))

    for module in student.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    frame = torch.from_numpy(models.sample_frame(32, 32)).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        restored = student(frame)
    assert found
    assert sum(found) == 0
    assert restored.std() > 0


def test_a_fresh_realtime_student_changes_its_frame_so_that_no_layer_is_zero():
    student = models.fresh_student("realtime-S")
    assert all(values.abs().max() > 0 for values in student.parameters())


@pytest.mark.parametrize(
    ("op", "kind"),
    [
        ("QLinearConv", "convolutions"),
        ("Convolution", "convolutions"),
        ("ReorderInput", "packing"),
        ("Transpose", "packing"),
        ("Gather", "packing"),
        ("QuantizeLinear", "rounding"),
        ("Eltwise", "rounding"),
        ("Shape", "other"),
    ],
)
def test_operations_of_both_runtimes_have_a_kind(op: str, kind: str):
    assert split.kind_of(op) == kind


def test_the_peaks_chain_runs_as_integer_convolutions(tmp_path):
    ort = pytest.importorskip("onnxruntime")
    path = peaks.chain_file(tmp_path, "int8", 16, 8)
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    made = session.run(None, {"x0": np.full((1, 16, 8, 8), 200, np.uint8)})[0]
    assert made.dtype == np.uint8
    onnx = pytest.importorskip("onnx")
    kinds = [node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node]
    assert kinds.count("QLinearConv") == peaks.LAYERS
    assert "Conv" not in kinds


@pytest.mark.parametrize("text", ["1920", "0x10", "1920x", "99999x10", "ax b"])
def test_a_size_that_is_none_is_refused(text: str):
    with pytest.raises(ProfileError, match="such as 1920x1080"):
        parse_size(text)


def test_one_model_beside_a_copy(tmp_path):
    asked = Asked("unsharp", (64, 48), "scipy", threads=1, seconds=0.02, memory="off")
    result = profile_one(asked, (), tmp_path)
    assert [row["stage"] for row in result.rows] == ["end_to_end"]
    assert any("times slower than copy" in line for line in result.remarks)


def test_memory_of_a_process_of_its_own(tmp_path):
    held = peak_memory(find_candidate("copy"), 2000, 1000, 1, tmp_path)
    assert held.peak_mb - held.base_mb > 2 * 2000 * 1000 * 3 / 2**20
    assert held.base_mb > 10


def test_a_process_that_fails_is_named(tmp_path):
    with pytest.raises(ProfileError, match=r"srresnet-edge .* multiples of 4"):
        peak_memory(find_candidate("srresnet-edge"), 30, 30, 1, tmp_path)


def test_the_command_prints_machine_latencies_and_ratio():
    answer = CliRunner().invoke(profile, ["copy", "--size", "64x48", "--seconds", "0.02", "--memory", "off"])
    assert answer.exit_code == 0, answer.output
    assert "p95_ms" in answer.output
    assert "end_to_end" in answer.output
    assert "times" in answer.output
