"""The table of checks: everything agrees, every reported metric is in it, and a wrong metric is found out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage import data

from sharpstudy.metrics import METRICS, crosscheck
from sharpstudy.metrics.crosscheck import SET5_BICUBIC, Check, check_metrics
from tests.test_metrics import blurred, halved


def pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    first, second = data.astronaut()[:300, :260].copy(), data.chelsea()[:200, :201].copy()
    return [(first, halved(first)), (second, blurred(second, 1.5))]


@pytest.fixture(scope="module")
def checks() -> list[Check]:
    return check_metrics(pairs())


def test_everything_that_can_be_compared_agrees(checks):
    compared = [check for check in checks if check.state != "not here"]
    assert [check for check in compared if check.state == "differs"] == []
    assert len(compared) >= 17
    for check in compared:
        assert math.isfinite(check.ours)
        assert check.difference == pytest.approx(abs(check.ours - check.theirs), abs=check.tolerance)


def test_every_reported_metric_is_checked(checks):
    assert set(METRICS) <= {check.metric for check in checks}


def test_what_is_not_here_says_why(checks):
    for check in checks:
        if check.state == "not here":
            assert check.reason
            assert math.isnan(check.ours)
            assert check.metric in ("lpips", "dists", "psnr_y")


def test_rows_make_a_table(checks):
    row = checks[0].row()
    assert list(row) == [
        *("metric", "kind", "against", "ours", "theirs", "difference", "tolerance", "frames", "reason"),
        "state",
    ]
    assert row["state"] == "agrees"
    assert row["frames"] == 2


def test_a_wrong_metric_differs(monkeypatch):
    """An SSIM of floats taken for 0-255 looks like success; the table says otherwise."""
    monkeypatch.setattr(crosscheck, "ssim", lambda reference, restored: 0.9999)
    monkeypatch.setattr(crosscheck, "halo", lambda reference, restored: 0.0)
    wrong = {(check.metric, check.kind) for check in check_metrics(pairs()) if check.state == "differs"}
    assert wrong == {("ssim", "implementation"), ("ssim", "closed form"), ("halo", "closed form")}


def test_the_published_figures_of_set5_come_out(assets):
    from sharpstudy.data.frames import read_frame
    from sharpstudy.data.resample import enlarge, shrink

    set5: dict[int, list] = {}
    for path in sorted((assets / "data" / "set5").glob("*.png")):
        for factor in SET5_BICUBIC:
            frame = read_frame(path)
            height, width = (side - side % factor for side in frame.shape[:2])
            reference = frame[:height, :width]
            restored = enlarge(shrink(reference, factor), (height, width))
            set5.setdefault(factor, []).append((reference, restored))
    found = [check for check in check_metrics(pairs(), set5) if check.kind == "published"]
    assert [check.theirs for check in found] == [33.66, 30.39, 28.42]
    assert {check.state for check in found} == {"agrees"}


def test_lpips_is_compared_where_its_weights_are(assets):
    found = next(check for check in check_metrics(pairs()[:1]) if check.metric == "lpips")
    assert found.state == "agrees" or "weights absent" in found.reason


def test_frames_too_small_and_none_at_all_are_refused():
    with pytest.raises(ValueError, match="at least one pair"):
        check_metrics([])
    frame = np.zeros((100, 300, 3), np.uint8)
    with pytest.raises(ValueError, match="176 pixels a side"):
        check_metrics([(frame, frame)])
