"""The live loop: every frame goes out in time, restored or raw, and the numbers about it are true."""

from __future__ import annotations

import csv
import threading
import time
from itertools import pairwise

import numpy as np
import pytest

from sharpstudy.runtime.cameras import CameraSettings, open_camera
from sharpstudy.runtime.capture import Captured
from sharpstudy.runtime.deadline import Live
from sharpstudy.runtime.live import run_live, slowed
from sharpstudy.runtime.live_stats import COLUMNS, LiveStats
from sharpstudy.runtime.policy import PolicySettings
from tests.live_tools import RELAXED, FakeCamera, FakeScreen, Receiver, brighter, frame, sharpener, slowly
from tests.material import picture

pytest.importorskip("cv2", reason="OpenCV comes with the extra live")


def test_every_frame_of_a_camera_is_restored_and_sent_clean():
    camera = FakeCamera([slowly(frame(value)) for value in range(100, 110)])
    screen, sent = FakeScreen(), Receiver()
    stats = run_live(camera, sharpener(), screen=screen, outputs=(sent,))
    assert [one[0, 0, 0] for one in sent] == list(range(111, 120))  # the first frame is for warming up
    assert [raw[0, 0, 0] for raw, _, _ in screen.shown] == list(range(101, 110))
    assert stats.frames == 9
    assert stats.outcomes == {"restored": 9}
    assert camera.closed == 1


def test_a_camera_may_give_empty_frames_and_other_sizes():
    script = [frame(), slowly(frame(1)), None, np.zeros((0, 0, 3), np.uint8), slowly(frame(2, 40, 60))]
    script += [frame(3)[..., 0], OSError("a cable"), slowly(frame(4, 48, 64)), slowly(frame(5))]
    sent = Receiver()
    run_live(FakeCamera(script), sharpener(), outputs=(sent,))
    assert [one.shape[:2] for one in sent] == [(24, 32), (40, 60), (48, 64), (24, 32)]
    assert [one[0, 0, 0] for one in sent] == [11, 12, 14, 15]


def test_a_camera_that_stalls_leaves_the_window_alive():
    script = [frame(), slowly(frame(1)), slowly(frame(2), 0.5), slowly(frame(3))]
    screen = FakeScreen(polled=("none", "mode"))
    run_live(FakeCamera(script), sharpener(), screen=screen)
    assert screen.polls >= 2
    assert [raw is restored for raw, restored, _ in screen.shown] == [False, True, True]


def captured(one: np.ndarray, ago_s: float = 0.0) -> Captured:
    return Captured(one, time.perf_counter() - ago_s, 1)


def test_a_slow_model_never_delays_a_frame():
    let_go = threading.Event()

    def stuck(one: np.ndarray) -> np.ndarray:
        let_go.wait(20)
        return brighter(one)

    keeper = sharpener(stuck, PolicySettings(deadline_s=0.1, tolerated=3))
    raw = frame(50)
    live = keeper(captured(raw))
    assert (live.outcome, live.restored is raw) == ("late", True)
    assert 0.05 < live.ready_s - live.captured_s < 0.2
    live = keeper(captured(raw))  # still at the first one: not even asked
    assert (live.outcome, live.restored is raw) == ("raw", True)
    assert live.ready_s - live.captured_s < 0.05
    let_go.set()
    while not keeper._running.done():
        time.sleep(0.01)
    keeper.policy = type(keeper.policy)(RELAXED)
    live = keeper(captured(raw))
    assert (live.outcome, live.restored[0, 0, 0]) == ("restored", 60)
    keeper.close()


def test_a_failing_model_leaves_the_raw_picture_and_its_reason():
    def failing(one: np.ndarray) -> np.ndarray:
        raise RuntimeError("out of memory")

    raw = frame()
    keeper = sharpener(failing)
    keeper.warm_up(raw)
    for _ in range(20):
        live = keeper(captured(raw))
        assert live.restored is raw
    assert live.level == "bypass"
    assert keeper.last_error == "RuntimeError: out of memory"
    keeper.close()
    for wrong in (lambda one: one[:-1], lambda one: one.astype(np.float32)):
        keeper = sharpener(wrong)
        assert (keeper(captured(raw)).outcome, "the model gave" in keeper.last_error) == ("failed", True)
        keeper.close()


def test_strength_and_bypass_may_change_while_it_runs():
    keeper, raw = sharpener(), frame(100)
    shown = []
    for strength in (1.0, 0.5, 0.0):
        keeper.strength = strength
        shown.append(int(keeper(captured(raw)).restored[0, 0, 0]))
    assert shown == [110, 105, 100]
    keeper.strength, keeper.mode = 1.0, "bypass"
    assert keeper(captured(raw)).restored is raw
    keeper.close()


def test_half_size_adds_half_of_what_it_finds_and_nothing_where_it_is_sharp():
    settled = PolicySettings(deadline_s=5.0, patience_s=1e9, longest_patience_s=1e9)
    keeper, flat = sharpener(settings=settled), frame(100)
    for number in range(2):
        keeper.policy.report(number, "late")
    live = keeper(captured(flat))
    assert (live.level, live.outcome, int(live.restored[0, 0, 0])) == ("half", "restored", 105)
    board = (np.indices((64, 64)).sum(0) // 4 % 2)[..., None].repeat(3, 2).astype(np.uint8) * 200
    lives = [keeper(captured(board)) for _ in range(25)]
    assert lives[0].outcome == "restored"
    assert (lives[-1].level, lives[-1].outcome) == ("bypass", "raw")
    keeper.close()


def test_frames_that_are_sharp_already_pass_after_a_fade():
    keeper, raw = sharpener(is_sharp=lambda one: bool(one[0, 0, 0] == 100)), frame(100)
    lives = [keeper(captured(raw)) for _ in range(25)]
    shown = [int(live.restored[0, 0, 0]) for live in lives]
    assert (shown[0], lives[0].outcome) == (110, "restored")
    assert (shown[-1], lives[-1].outcome) == (100, "sharp")
    keeper.mode = "bypass"
    assert keeper(captured(raw)).outcome == "raw"
    assert all(early >= late for early, late in pairwise(shown))
    keeper.close()


def test_the_report_has_a_row_a_frame(tmp_path):
    camera = FakeCamera([slowly(frame()) for _ in range(6)])
    stats = run_live(camera, sharpener(), report=tmp_path / "a" / "live.csv")
    rows = list(csv.DictReader((tmp_path / "a" / "live.csv").open()))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == stats.frames == 5
    assert [row["frame"] for row in rows] == ["2", "3", "4", "5", "6"]
    assert all(float(row["cost_ms"]) <= float(row["latency_ms"]) <= float(row["shown_ms"]) for row in rows)
    assert "5 frames in" in stats.summary()


def test_a_user_can_bypass_and_quit():
    camera = FakeCamera([slowly(frame()) for _ in range(10)])
    screen = FakeScreen(("none", "mode", "none", "mode", "none", "quit"))
    run_live(camera, sharpener(), screen=screen)
    assert [int(restored[0, 0, 0]) for _, restored, _ in screen.shown] == [110, 110, 100, 100, 110, 110]
    assert "bypassed by you" in screen.shown[3][2][1]


def test_percentiles_agree_with_numpy(rng):
    stats, times_s = LiveStats(30, 1 / 30), rng.gamma(4, 0.006, 5000)
    for number, took_s in enumerate(times_s):
        start_s = number / 30
        live = Live(frame(), frame(), start_s, start_s + took_s, 0.0, "full", "restored")
        stats.add(live, start_s + took_s, number // 10)
    for share in (0.5, 0.95):
        assert stats.percentile_ms(share) == pytest.approx(1000 * np.quantile(times_s, share), abs=0.15)
    assert stats.in_time == (times_s <= 1 / 30).sum()
    assert stats.dropped == 499
    assert "dropped 499" in stats.lines((32, 24), 1.0, "sharpen", "full")[0]


def test_an_artificial_slow_down_begins_and_ends_when_told():
    clock, slept = [0.0], []

    def restore(one: np.ndarray) -> np.ndarray:
        clock[0] += 0.01
        return one

    slow = slowed(restore, 4, 1.0, 2.0, lambda: clock[0], slept.append)
    for moment in (0.0, 0.5, 1.2, 1.9, 2.5):
        clock[0] = moment
        slow(frame())
    assert slept == pytest.approx([0.03, 0.03])


@pytest.mark.slow
def test_memory_stays_flat_and_threads_end():
    psutil = pytest.importorskip("psutil")
    one, count = picture(1, 640, 480), [0]
    before = threading.active_count()

    class Endless(FakeCamera):
        def read(self) -> np.ndarray:
            count[0] += 1
            time.sleep(0.002)
            self.finished = count[0] > 1500
            return None if self.finished else one.copy()

    sizes = []
    watched = Receiver()
    watched.send = lambda sent: sizes.append(psutil.Process().memory_info().rss)
    run_live(Endless([]), sharpener(settings=PolicySettings(deadline_s=1 / 30)), outputs=(watched,))
    assert len(sizes) > 100
    third = len(sizes) // 3
    assert np.median(sizes[-third:]) - np.median(sizes[third : 2 * third]) < 8 * 2**20
    time.sleep(0.2)
    assert threading.active_count() <= before


def test_the_plain_numbers_of_a_clip_camera_reach_the_loop(assets):
    clip = assets / "data" / "webcam_clips" / "bird.mkv"
    stats = run_live(open_camera(clip, CameraSettings(320, 240, 60)), sharpener())
    assert 30 < stats.frames <= 63
    assert stats.outcomes["restored"] == stats.frames
