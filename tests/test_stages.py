"""Three stages at the same time: order, errors, and how much may wait."""

from __future__ import annotations

import threading

import pytest

from sharpstudy.runtime.stages import run_stages


def test_the_three_stages_work_at_the_same_time():
    together = threading.Barrier(3, timeout=20)  # passed only where all three are busy with an item each
    seen = []

    def source():
        for number in range(6):
            if number == 4:
                together.wait()
            yield number

    def work(number: int) -> int:
        if number == 2:
            together.wait()
        return 10 * number

    def sink(number: int) -> None:
        if number == 0:
            together.wait()
        seen.append(number)

    run_stages(source(), work, sink)
    assert seen == [0, 10, 20, 30, 40, 50]


@pytest.mark.parametrize("where", ["source", "work", "sink"])
def test_an_error_in_any_stage_is_raised_and_ends_all(where):
    def failing(stage: str) -> None:
        if stage == where:
            raise OSError(f"in the {stage}")

    def source():
        for number in range(100):
            if number == 5:
                failing("source")
            yield number

    def work(number: int) -> int:
        failing("work")
        return number

    before = threading.active_count()
    with pytest.raises(OSError, match=f"in the {where}"):
        run_stages(source(), work, lambda number: failing("sink"))
    assert threading.active_count() == before


def test_no_more_wait_than_the_queues_hold():
    ahead, most = [0], [0]

    def source():
        for number in range(50):
            ahead[0] += 1
            most[0] = max(most[0], ahead[0])
            yield number

    def sink(_number: int) -> None:
        threading.Event().wait(0.002)
        ahead[0] -= 1

    run_stages(source(), lambda number: number, sink, waiting=3)
    assert most[0] <= 3 + 3 + 3  # two queues, and one item in the hands of each stage
