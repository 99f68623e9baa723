"""The design of a study, by counting: who sees what, how often, on which side, and after what."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from sharpstudy.data.sources import CATEGORIES as STUDY_CATEGORIES
from sharpstudy.mos.dealing import deal_study
from sharpstudy.mos.design import (
    Content,
    System,
    Trial,
    arrange,
    contents_a_rater,
    deal_contents,
    interleave,
    pairs_of,
    random_for,
    share_out,
)
from sharpstudy.mos.plans import CATEGORIES, LABELS, PLANS, SCALES, Block, Plan, find_plan
from tests.mos_study import SYSTEMS, contents

STUDENT = "tiny-net"


@pytest.fixture(scope="module", params=list(PLANS))
def dealt(request) -> tuple[Plan, list[Trial]]:
    plan = PLANS[request.param]
    return plan, deal_study(plan, contents(plan.contents), SYSTEMS, seed=3)


def by_session(trials: list[Trial]) -> dict[tuple[int, int], list[Trial]]:
    sessions = defaultdict(list)
    for trial in trials:
        sessions[trial.session, trial.seat].append(trial)
    return sessions


def ratings(trials: list[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.role == "rating"]


def test_votes_on_each_stimulus_are_equal_within_one(dealt):
    _, trials = dealt
    counts: dict = defaultdict(Counter)
    for trial in ratings(trials):
        counts[trial.session, trial.block][trial.content, frozenset((trial.left, trial.right))] += 1
    assert all(max(block.values()) - min(block.values()) <= 1 for block in counts.values())


def test_votes_stay_balanced_when_the_last_raters_stay_away():
    plan = PLANS["default"]
    trials = deal_study(plan, contents(40), SYSTEMS, seed=3)
    for present in (4, 7, 13, 23):
        counts = Counter(
            (trial.content, frozenset((trial.left, trial.right)))
            for trial in ratings(trials)
            if trial.session == 1 and trial.seat <= present
        )
        missing = 160 - len(counts)
        assert max(counts.values()) - (0 if missing else min(counts.values())) <= 1


def test_each_system_stands_left_as_often_as_right(dealt):
    _, trials = dealt
    left, right = Counter(), Counter()
    for trial in ratings(trials):
        if trial.arm == "ccr":
            left[trial.session, trial.block, trial.left] += 1
            right[trial.session, trial.block, trial.right] += 1
    assert left
    assert left == right


def test_every_pair_is_shown_both_ways_round_equally_often(dealt):
    _, trials = dealt
    ways = Counter(
        (trial.session, trial.block, trial.content, trial.left, trial.right)
        for trial in ratings(trials)
        if trial.arm == "ccr"
    )
    for (session, block, content, left, right), count in ways.items():
        assert abs(count - ways[session, block, content, right, left]) <= 1


def test_no_content_comes_twice_running(dealt):
    _, trials = dealt
    for session in by_session(trials).values():
        assert all(one.content != other.content for one, other in pairwise(session))


def test_a_session_holds_its_checks_and_ends_within_twenty_minutes(dealt):
    plan, trials = dealt
    for session in by_session(trials).values():
        roles = Counter(trial.role for trial in session)
        arms = {trial.arm for trial in session}
        assert len(session) <= 150
        assert roles["gold"] >= 8
        assert roles["identical"] == (2 if "ccr" in arms else 0)
        assert roles["repeat"] >= 0.05 * roles["rating"]
        assert roles["anchor"] == plan.anchors
        assert roles["trap"] == 1
        assert sum(trial.practice for trial in session) == plan.training * len(arms)
        start = session[: plan.training + plan.warm_up]
        assert {trial.role for trial in start} == {"training"}
        assert [trial.position for trial in session] == list(range(1, len(session) + 1))


def test_golds_have_the_reference_on_either_side(dealt):
    _, trials = dealt
    sides = Counter()
    for trial in trials:
        if trial.role == "gold" and trial.arm == "ccr":
            assert {trial.left, trial.right} & {"gold-blur", "gold-oversharp"}
            assert "reference" in (trial.left, trial.right)
            sides[trial.left == "reference"] += 1
    assert abs(sides[True] - sides[False]) <= 0.05 * sides.total()


def test_over_sharpened_golds_are_of_photographs_alone(dealt):
    _, trials = dealt
    kinds = {(side, trial.content.category) for trial in trials for side in (trial.left, trial.right)}
    assert {category for side, category in kinds if side == "gold-oversharp"} <= {
        "nature",
        "people",
        "animals",
    }
    assert {side for side, _ in kinds} >= {"gold-blur", "gold-oversharp"}


def test_all_raters_share_golds_and_anchors(dealt):
    _, trials = dealt
    shared = defaultdict(set)
    for trial in trials:
        if trial.role in ("gold", "anchor"):
            shared[trial.session, trial.seat].add((trial.role, trial.criterion, trial.content.name))
    first = {session: shown for (session, seat), shown in shared.items() if seat == 1}
    assert all(shown == first[session] for (session, _), shown in shared.items())


def test_training_covers_the_scale_from_end_to_end(dealt):
    _, trials = dealt
    for session in by_session(trials).values():
        practice = [trial for trial in session if trial.practice and trial.arm == "ccr"]
        if practice:
            reference_left = [trial for trial in practice if trial.left == "reference" != trial.right]
            reference_right = [trial for trial in practice if trial.right == "reference" != trial.left]
            assert reference_left
            assert reference_right
            assert any(trial.left == trial.right for trial in practice)


def test_repeats_come_well_after_the_first_time(dealt):
    _, trials = dealt
    distances = []
    for session in by_session(trials).values():
        first = {
            (trial.block, trial.content, trial.left, trial.right): trial.position
            for trial in session
            if trial.role == "rating"
        }
        for trial in session:
            if trial.role == "repeat":
                key = (trial.block, trial.content, trial.left, trial.right)
                distances.append(trial.position - first[key])
    assert min(distances) > 1
    assert np.median(distances) > 12


def test_readability_is_asked_of_text_alone():
    for trial in deal_study(PLANS["default"], contents(40), SYSTEMS, seed=3):
        if trial.criterion == "readability" and trial.role != "trap":
            assert trial.content.category == "text"


def test_a_study_without_text_leaves_readability_out():
    nature = [Content(f"c{at}", "nature") for at in range(40)]
    criteria = {trial.criterion for trial in deal_study(PLANS["default"], nature, SYSTEMS, seed=1)}
    assert criteria == {"overall", "sharpness", "edge clarity", "naturalness"}


def test_orders_hang_on_the_seed_and_the_rater_alone():
    plan = PLANS["pilot"]
    one = deal_study(plan, contents(10), SYSTEMS, seed=5)
    assert one == deal_study(plan, contents(10), SYSTEMS, seed=5)
    assert one != deal_study(plan, contents(10), SYSTEMS, seed=6)
    orders = {tuple(trial.content.name for trial in session) for session in by_session(one).values()}
    assert len(orders) == plan.raters
    digest = hashlib.sha256(b"5|rater").digest()[:16]
    assert random_for(5, "rater").random() == np.random.default_rng(int.from_bytes(digest, "big")).random()


def test_dealt_contents_are_different_and_balanced_after_any_number_of_seats(rng):
    scenes = contents(13)
    hands = deal_contents(scenes, 5, 40, rng)
    counts = Counter({scene: 0 for scene in scenes})
    for hand in hands:
        assert len(set(hand)) == 5
        counts.update(hand)
        assert max(counts.values()) - min(counts.values()) <= 1
    together = Counter(frozenset(pair) for hand in hands for pair in pairs_in(hand))
    assert len(together) > 0.95 * 13 * 12 / 2  # nearly all contents meet in some rater's hand


def pairs_in(hand: list[Content]) -> list[tuple[Content, Content]]:
    return [(one, other) for at, one in enumerate(hand) for other in hand[at + 1 :]]


def test_every_stretch_holds_the_categories_in_their_proportions(rng):
    order = interleave(contents(40), rng)
    for start in range(30):
        counts = Counter(one.category for one in order[start : start + 10])
        assert max(counts.values()) <= 3
        assert len(counts) == 5


def test_arranging_avoids_neighbours_even_when_one_content_is_half_of_all(rng):
    crowd = [Content("many", "text")] * 5 + [Content(f"c{at}", "text") for at in range(4)]
    for _ in range(50):
        order = arrange([Trial("acr", "overall", "rating", one, "input") for one in crowd], rng)
        assert all(one.content != other.content for one, other in pairwise(order))


def test_pairs_by_rule():
    two = [*SYSTEMS, System("other-net", "student")]
    assert len(pairs_of(two, "all")) == 15
    assert pairs_of(two, "input") == [("input", "other-net"), ("input", STUDENT)]
    students = pairs_of(two, "students")
    assert len(students) == 9
    assert ("other-net", STUDENT) in students
    assert ("input", "teacher") not in students


def test_shares_add_up():
    assert share_out(8, [60, 60]) == [4, 4]
    assert share_out(7, [5, 1, 1]) == [5, 1, 1]
    assert share_out(2, [0, 10]) == [0, 2]
    assert sum(share_out(8, [88, 32])) == 8


def test_contents_a_rater_are_whole():
    assert contents_a_rater(Block("ccr", "overall", 120), 40, 4) == 30
    assert contents_a_rater(Block("ccr", "overall", 120), 20, 4) == 20
    with pytest.raises(ValueError, match="do not fit"):
        contents_a_rater(Block("ccr", "overall", 12), 20, 15)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"golds": 4}, "golds must be 8 to 20"),
        ({"identical": 1}, "identical must be"),
        ({"training": 2}, "training must be 3 to 5"),
        ({"repeats": 0.01}, "repeats must be"),
        ({"sessions": ()}, "every session needs a block"),
    ],
)
def test_a_plan_below_the_least_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        replace(PLANS["default"], **change)


def test_a_session_that_is_too_long_is_refused():
    plan = replace(PLANS["default"], sessions=((Block("ccr", "overall", 120), Block("acr", "overall", 100)),))
    with pytest.raises(ValueError, match="at most 150"):
        deal_study(plan, contents(40), SYSTEMS, seed=1)


def test_the_published_plan_is_the_published_protocol():
    plan = find_plan("published")
    assert (plan.raters, plan.contents) == (25, 50)
    asked = [block.criterion for session in plan.sessions[:2] for block in session]
    assert sorted(asked) == ["edge clarity", "naturalness", "readability", "sharpness"]
    with pytest.raises(ValueError, match="default, published, pilot"):
        find_plan("large")


def test_categories_and_scales_agree_with_the_rest():
    assert CATEGORIES == STUDY_CATEGORIES
    assert all(len(LABELS[arm]) == high - low + 1 for arm, (low, high) in SCALES.items())
