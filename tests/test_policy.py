"""The rules that keep a live picture in time, on a clock made of numbers."""

from __future__ import annotations

from itertools import groupby, pairwise

import pytest

from sharpstudy.runtime.policy import LEVELS, Policy, PolicySettings, SharpGate, simulate

FULL_MS = 25


def costs(slow: dict[tuple[float, float], float], base_ms: float = FULL_MS):
    """The network's time: half size costs a quarter; `slow` multiplies it between two moments."""

    def cost_s(time_s: float, level: str) -> float:
        factor = next((value for (a, b), value in slow.items() if a <= time_s < b), 1.0)
        return factor * base_ms / 1000 * (1 if level == "full" else 0.25)

    return cost_s


def levels(rows: list[dict]) -> list[str]:
    return [level for level, _ in groupby(row["level"] for row in rows)]


def test_a_fast_machine_stays_at_the_best_level():
    rows = simulate(costs({}), 60)
    assert len(rows) == 1800
    assert {row["level"] for row in rows} == {"full"}
    assert {row["outcome"] for row in rows} == {"restored"}


def test_one_hiccup_changes_nothing():
    rows = simulate(costs({(3.0, 3.01): 8}), 10)
    assert levels(rows) == ["full"]
    outcomes = [row["outcome"] for row in rows]
    assert outcomes[90] == "late"
    assert outcomes[91:96] == ["raw"] * 5  # 200 ms are six frame times
    assert outcomes[96:] == ["restored"] * 204


def test_a_slow_down_steps_down_and_recovers():
    rows = simulate(costs({(5, 15): 3}), 30)
    assert levels(rows)[0] == "full"
    assert "half" in levels(rows)
    assert "bypass" not in levels(rows)  # 3 x 25 / 4 = 19 ms fit at half size
    assert levels(rows)[-1] == "full"
    reached = next(row["time_s"] for row in rows if row["level"] == "half")
    assert 5 < reached < 5.5
    steady = [row for row in rows if 5.5 < row["time_s"] < 6.9]
    assert {row["outcome"] for row in steady} == {"restored"}


@pytest.mark.parametrize("fps", [30, 60])
@pytest.mark.parametrize("factor", [1, 3, 8, 30, 1000])
def test_no_frame_is_handed_on_after_the_deadline(fps, factor):
    rows = simulate(costs({(2, 12): factor}, 900 / fps / 1.2), 20, fps)
    assert len(rows) == 20 * fps
    assert max(row["latency_ms"] for row in rows) <= 1000 / fps + 1e-6


def test_a_machine_far_too_slow_ends_in_bypass_and_tries_less_and_less_often():
    rows = simulate(costs({}, 4000), 300)
    assert levels(rows)[:4] == list(LEVELS)
    tries = [b["time_s"] for a, b in pairwise(rows) if a["level"] == "bypass" != b["level"]]
    gaps = [late - early for early, late in pairwise(tries)]
    assert 5 <= len(tries) <= 12
    assert gaps[0] < gaps[1] < gaps[2] < gaps[3]
    assert max(gaps) < 75
    assert sum(row["outcome"] == "raw" for row in rows) > 0.95 * len(rows)


def test_recovery_from_bypass_goes_through_every_level():
    rows = simulate(costs({(2, 10): 40}), 60)
    after = [row for row in rows if row["time_s"] >= 10]
    order = levels(after)
    assert order[-3:] == ["alternate", "half", "full"]


def test_alternate_frames_are_restored_and_reused_in_turn():
    policy = Policy()
    settings = policy.settings
    for number in range(4):
        policy.report(number / 30, "late", settings.deadline_s)
    assert policy.level == "alternate"
    assert [policy.plan(busy=False) for _ in range(4)] == ["restore", "reuse", "restore", "reuse"]
    assert policy.plan(busy=True) == "raw"


def test_levels_at_half_size_are_passed_over_while_they_do_harm():
    policy = Policy()
    policy.half = "harms"
    for number in range(2):
        policy.report(number / 30, "late")
    assert policy.level == "bypass"
    policy.report(3.0, "raw")
    assert policy.level == "full"
    for number in range(2):
        policy.report(3.1 + number / 30, "late")
    policy.half = "helps"
    policy.report(20.0, "raw")
    assert policy.level == "alternate"
    policy.half = "harms"
    policy.report(20.1, "raw")
    assert policy.level == "bypass"


def test_failures_count_as_late_and_bypass_asks_for_nothing():
    policy = Policy(PolicySettings(tolerated=0))
    for number in range(3):
        policy.report(number / 30, "failed")
    assert policy.level == "bypass"
    assert policy.plan(busy=False) == "raw"


def test_a_level_without_room_is_not_left_upwards():
    policy = Policy()
    policy.report(0.0, "late")
    policy.report(0.1, "late")
    assert policy.level == "half"
    for number in range(300):  # in time, but at 95 % of the deadline
        policy.report(0.1 + number / 30, "restored", 0.95 / 30)
    assert policy.level == "half"
    for number in range(31):
        policy.report(11 + number / 30, "restored", 0.5 / 30)
    assert policy.level == "full"


def test_patience_doubles_only_while_tries_fail():
    policy = Policy()
    seen = []
    for number in range(30 * 120):
        time_s = number / 30
        fails = policy.level == "full" and time_s < 60
        policy.report(time_s, "late" if fails else "restored", 0.01)
        seen.append(policy.patience_s)
    assert max(seen) >= 16
    assert policy.level == "full"
    for number in range(2):
        policy.report(200 + number / 30, "late")
    assert policy.patience_s == policy.settings.patience_s


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"deadline_s": 0}, "deadline_s must be above 0"),
        ({"comfort": 1.5}, "comfort must be above 0"),
        ({"tolerated": 30}, "tolerated must be 0 to window - 1"),
        ({"patience_s": 90.0}, "longest_patience_s must be at least"),
    ],
)
def test_bad_settings_are_refused(words, message):
    with pytest.raises(ValueError, match=message):
        PolicySettings(**words)


def test_the_gate_fades_without_flicker_and_asks_seldom():
    gate, asked = SharpGate(every=5, agree=3, fade=10), []

    def judge(answer: bool):
        return lambda: asked.append(1) or answer

    weights = [gate.update(judge(True)) for _ in range(40)]
    assert len(asked) == 8
    assert weights[:10] == [1.0] * 10  # the third agreeing judgement falls on frame 11
    assert weights[10:20] == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])
    assert weights[20:] == [0.0] * 20
    flickering = [gate.update(judge(number // 5 % 2 == 0)) for number in range(100)]
    assert flickering == [0.0] * 100
    assert [gate.update(judge(False)) for _ in range(40)][-1] == 1.0
