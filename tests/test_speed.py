"""speed: percentiles by hand, a fake clock, synchronisation, drift, ratios, the runtimes' profiles."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from sharpstudy import speed
from sharpstudy.speed import Check, Protocol, QuietLimits, Turn, Watch


class FakeMachine:
    """A clock that moves only when a call is made, by the times given, and a diary of what happened."""

    def __init__(self, seconds: list[float]) -> None:
        self.now, self.seconds, self.diary = 100.0, list(seconds), []

    def call(self) -> None:
        self.diary.append("call")
        self.now += self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]

    def synchronise(self) -> None:
        self.diary.append("synchronise")

    def clock(self) -> float:
        self.diary.append("clock")
        return self.now


def test_percentiles_by_hand():
    found = speed.summarise([float(value) for value in range(1, 101)])
    assert (found["p50_ms"], found["p95_ms"]) == (50.5, 95.0)
    assert found["fps"] == pytest.approx(1000 / 95)
    assert found["jitter_ms"] == 1.0
    assert found["within_33"] == 0.33
    assert found["within_17"] == 0.16
    assert math.isnan(found["p99_ms"])
    assert found["repeats"] == 100


def test_p99_comes_with_a_thousand_latencies():
    found = speed.summarise([*[10.0] * 990, *[50.0] * 10])
    assert found["p99_ms"] == 10.0
    assert speed.summarise([*[10.0] * 989, *[50.0] * 11])["p99_ms"] == 50.0


def test_p95_of_a_few_is_the_slowest_and_never_invented():
    found = speed.summarise([30.0, 10.0, 20.0])
    assert (found["p50_ms"], found["p95_ms"]) == (20.0, 30.0)
    assert math.isnan(speed.summarise([5.0])["jitter_ms"])
    with pytest.raises(ValueError, match="at least one"):
        speed.summarise([])


def test_percentiles_agree_with_numpys_inverse_of_the_empirical_distribution(rng):
    values = rng.gamma(3, 4, 1234)
    found = speed.summarise(values)
    ordered = np.sort(values)
    assert found["p95_ms"] == ordered[math.ceil(0.95 * 1234) - 1]
    assert found["p99_ms"] == ordered[math.ceil(0.99 * 1234) - 1]


def test_each_call_is_waited_for_before_the_clock_is_read():
    machine = FakeMachine([1.0])
    protocol = Protocol(warm_up=2, window=1, settled=0.5, repeats=2, seconds=100, fewest=1)
    timing = speed.time_calls(machine.call, protocol, machine.synchronise, machine.clock)
    assert timing.milliseconds == (1000.0, 1000.0)
    for place, entry in enumerate(machine.diary):
        if entry == "call":
            assert machine.diary[place - 1] == "clock"
            assert machine.diary[place + 1 : place + 3] == ["synchronise", "clock"]
    first = machine.diary.index("call", machine.diary.index("call") + 1)
    between = machine.diary[first + 3 :]
    assert between.index("synchronise") < between.index("call"), "the warm-up is waited for before timing"


def test_warm_up_goes_on_until_two_windows_have_one_median():
    machine = FakeMachine([9.0, 7.0, 5.0, 3.0, 1.0])
    protocol = Protocol(warm_up=3, window=2, settled=0.01, warm_up_s=1e6)
    count, steady = speed.warm_up(machine.call, protocol, clock=machine.clock)
    assert (count, steady) == (8, "steady")  # 9 7 5 3 1 1 1 1: the last two windows are 1 1 and 1 1


def test_warm_up_that_does_not_settle_is_cut_short_and_says_so():
    machine = FakeMachine([float(2**number) for number in range(12)])
    protocol = Protocol(warm_up=2, window=2, settled=0.01, warm_up_s=100)
    assert speed.warm_up(machine.call, protocol, clock=machine.clock)[1] == "cut short"


def test_timing_ends_at_the_repeats_or_the_seconds_but_not_before_the_fewest():
    def count(each: float, **limits: float) -> int:
        machine = FakeMachine([each])
        protocol = Protocol(warm_up=1, window=1, settled=1.0, **limits)
        return len(speed.time_calls(machine.call, protocol, clock=machine.clock).milliseconds)

    assert count(1.0, repeats=7, seconds=100) == 7
    assert count(1.0, repeats=100, seconds=4, fewest=1) == 4
    assert count(50.0, repeats=100, seconds=4, fewest=3) == 3


@pytest.mark.parametrize(
    ("name", "value"), [("repeats", 0), ("warm_up", 1.5), ("seconds", 0.0), ("settled", -1.0)]
)
def test_a_protocol_that_measures_nothing_is_refused(name: str, value: float):
    with pytest.raises(ValueError, match=name):
        Protocol(**{name: value})


def watching(*checks: Check) -> Watch:
    waiting = [checks[0], *checks]  # the first run is only a warm-up
    return Watch(2, QuietLimits(drift=0.05, waiting=1.1), lambda: waiting.pop(0))


def test_a_machine_that_stays_as_it_is_is_quiet():
    assert watching(Check(100, 1.0), Check(104, 1.02)).judge() == ("quiet", "")


@pytest.mark.parametrize(
    ("checks", "word"),
    [
        ([Check(100, 1.0), Check(106, 1.0)], "drifted by +6%"),
        ([Check(100, 1.0), Check(94, 1.0)], "drifted by -6%"),
        ([Check(100, 1.0), Check(100, 1.2)], "waited for a core (1.20"),
        ([Check(100, 1.3), Check(100, 1.0)], "waited for a core (1.30"),
    ],
)
def test_drift_and_waiting_make_a_span_unquiet(checks: list[Check], word: str):
    verdict, why = watching(*checks).judge()
    assert verdict == "unquiet"
    assert word in why


def test_a_machine_that_stays_slow_is_compared_with_its_best():
    watch = watching(Check(100, 1.0), Check(150, 1.0), Check(151, 1.0), Check(100, 1.0), Check(101, 1.0))
    assert watch.judge()[0] == "unquiet"
    assert "51% slower than at its best" in watch.judge()[1]
    assert watch.judge()[0] == "unquiet"
    assert watch.judge() == ("quiet", "")


def test_the_reference_workload_is_work():
    check = speed.reference_workload(1)
    assert check.milliseconds > 0.5
    assert check.waiting > 0.9


def test_ratio_of_two_calls_that_took_turns():
    ratio = speed.paired_ratio([20.0, 22.0, 24.0, 20.0], [2.0, 2.0, 2.0, 2.0], rounds=2)
    assert ratio.value == 10.5
    assert ratio.low == 10.5  # round 1 has the median 21, round 2 the median 22
    assert ratio.high == 11.0


def test_a_slow_minute_that_hits_both_leaves_the_ratio_alone():
    fast = [1.0, 1.0, 5.0, 5.0, 1.0, 1.0]
    ratio = speed.paired_ratio([4 * value for value in fast], fast, rounds=3)
    assert (ratio.value, ratio.low, ratio.high) == (4.0, 4.0, 4.0)


@pytest.mark.parametrize(("values", "rounds"), [([1.0, 2.0, 3.0], 2), ([], 1), ([1.0], 0)])
def test_ratio_wants_as_many_latencies_in_every_round(values: list[float], rounds: int):
    with pytest.raises(ValueError, match="equally many"):
        speed.paired_ratio(values, [1.0, 1.0], rounds)


def test_calls_take_turns_in_order():
    diary: list[str] = []

    def note(name: str) -> Callable[[], None]:
        return lambda: diary.append(name)

    turns = {"a": Turn(note("a"), each=2, untimed=1), "b": Turn(note("b"), each=1, untimed=0)}
    found = speed.interleave(turns, rounds=2, after_round=lambda number: diary.append(str(number)))
    assert diary == ["a", "a", "a", "b", "0", "a", "a", "a", "b", "1"]
    assert {name: len(values) for name, values in found.items()} == {"a": 4, "b": 2}


def event(name: str, microseconds: int, op: str = "", cat: str = "Node") -> dict:
    return {"cat": cat, "name": name, "dur": microseconds, "args": {"op_name": op} if op else {}}


ORT_EVENTS = [
    event("session_initialization", 9000, cat="Session"),
    event("conv1_kernel_time", 9000, "QLinearConv"),  # the first frame, warm-up
    event("pack_kernel_time", 800, "Transpose"),
    event("conv1_fence_before", 5, "QLinearConv"),
    event("conv1_kernel_time", 1000, "QLinearConv"),
    event("pack_kernel_time", 200, "Transpose"),
    event("conv1_kernel_time", 2000, "QLinearConv"),
    event("pack_kernel_time", 400, "Transpose"),
    event("model_run", 99999, cat="Session"),
]


def test_onnxruntimes_profile_by_hand():
    times = speed.parse_ort_profile(json.dumps(ORT_EVENTS), skip=1)
    assert [(one.node, one.op, one.milliseconds) for one in times] == [
        ("conv1", "QLinearConv", 1.5),
        ("pack", "Transpose", pytest.approx(0.3)),
    ]


def test_a_profile_that_was_not_closed_is_read_too():
    text = json.dumps(ORT_EVENTS)[:-1] + ","
    assert len(speed.parse_ort_profile(text)) == 2


@pytest.mark.parametrize(
    ("text", "word"),
    [("[]", "found none"), ("[{", "as JSON"), (json.dumps(ORT_EVENTS), "more than 3 frames")],
)
def test_a_profile_without_what_is_needed_is_refused(text: str, word: str):
    with pytest.raises(ValueError, match=word):
        speed.parse_ort_profile(text, skip=3)


def test_a_real_profile_of_onnxruntime(tmp_path):
    onnx = pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [64]) for name in ("x", "y")]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Sin", ["x"], ["y"], name="wave")], "g", *[[e] for e in ends]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    options = ort.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(tmp_path / "profile")
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    for _ in range(4):
        session.run(None, {"x": np.ones(64, np.float32)})
    with open(session.end_profiling(), encoding="utf-8") as file:
        times = speed.parse_ort_profile(file.read(), skip=1)
    assert [(one.node, one.op) for one in times] == [("wave", "Sin")]
    assert 0 <= times[0].milliseconds < 1000


def test_openvinos_counters_by_hand():
    def node(name: str, kind: str, milliseconds: float) -> SimpleNamespace:
        return SimpleNamespace(
            node_name=name, node_type=kind, exec_type="", real_time=timedelta(milliseconds=milliseconds)
        )

    frames = [
        [node("c", "Convolution", 2), node("r", "Reorder", 1), node("fused", "Relu", 0)],
        [node("c", "Convolution", 4), node("r", "Reorder", 1), node("fused", "Relu", 0)],
    ]
    times = speed.parse_openvino_profile(frames)
    assert [(one.node, one.milliseconds) for one in times] == [("c", 3.0), ("r", 1.0)]
    with pytest.raises(ValueError, match="at least one frame"):
        speed.parse_openvino_profile([])


def test_the_machine_is_named_without_its_user_or_host():
    import platform

    machine = speed.describe_machine()
    assert 1 <= machine.cores <= (os.cpu_count() or 1)
    assert machine.libraries["torch"]
    text = machine.label + json.dumps(machine.rows())
    assert platform.node() not in text or len(platform.node()) < 3
    assert {"processor", "cores", "system", "Python"} <= {row["name"] for row in machine.rows()}


def test_peak_memory_sees_what_was_held_and_given_back():
    code = (
        "from sharpstudy.speed.memory import peak_mb, resident_mb;"
        "before = peak_mb(); block = bytearray(200 << 20); block[::4096] = b'x' * len(block[::4096]);"
        "held = resident_mb(); del block; print(before, held, peak_mb(), resident_mb())"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, held, peak, after = map(float, answer.stdout.split())
    assert 190 < peak - before < 260
    assert held <= peak + 1
    if sys.platform == "linux":
        assert after < peak - 150


def test_peak_memory_does_not_inherit_the_parents():
    block = bytearray(300 << 20)
    block[::4096] = b"x" * len(block[::4096])
    code = "from sharpstudy.speed.memory import peak_mb; print(peak_mb())"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(answer.stdout) < 290
    assert len(block) == 300 << 20
