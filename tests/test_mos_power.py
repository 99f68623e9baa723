"""Power by simulation agrees with figures found independently, and with the level that a test must keep."""

from __future__ import annotations

import numpy as np
import pytest

from sharpstudy.mos.plans import PLANS
from sharpstudy.mos.power import plan_table, power_curve, simulated_power


@pytest.mark.parametrize(("contents_now", "published"), [(50, 0.89), (20, 0.57), (10, 0.30)])
def test_power_agrees_with_figures_found_independently(contents_now, published):
    power = simulated_power(24, contents_now, 0.2, "acr", simulations=2000)
    assert power == pytest.approx(published, abs=0.05)


def test_power_without_a_difference_is_the_level_of_the_test():
    for arm in ("acr", "ccr"):
        assert simulated_power(24, 40, 0.0, arm, simulations=3000) == pytest.approx(0.025, abs=0.012)


def test_an_incomplete_design_with_everyone_seeing_all_is_the_complete_one():
    whole = simulated_power(12, 10, 0.3, seen=np.ones((12, 10), bool), simulations=300)
    assert whole == simulated_power(12, 10, 0.3, simulations=300)
    half = np.arange(12)[:, None] % 2 == np.arange(10)[None] % 2
    assert simulated_power(12, 10, 0.3, seen=half, simulations=300) < whole
    with pytest.raises(ValueError, match="expected a vote"):
        simulated_power(12, 10, 0.3, seen=np.zeros((12, 10), bool))


def test_the_power_curve_is_tidy_and_rises():
    curve = power_curve((6, 24), (10, 40), (0.2,), simulations=300)
    assert list(curve.columns) == ["arm", "raters", "contents", "effect", "power", "low", "high"]
    found = curve.set_index(["raters", "contents"])["power"]
    assert found[6, 10] < found[24, 10] < found[24, 40]
    assert ((curve["low"] <= curve["power"]) & (curve["power"] <= curve["high"])).all()


def test_the_default_plan_finds_a_difference_of_a_fifth_and_the_pilot_does_not():
    default = plan_table(PLANS["default"], simulations=400)
    assert default.loc[0, "criterion"] == "overall"
    assert default.loc[0, "power_0.2"] >= 0.75
    assert not PLANS["default"].pilot
    assert plan_table(PLANS["pilot"], simulations=400)["power_0.2"].max() < 0.3
    assert PLANS["pilot"].pilot
