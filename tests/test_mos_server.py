"""The server keeps every vote that it acknowledged, once, whatever happens; and refuses what it should."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from sharpstudy.mos.bundle import Bundle
from sharpstudy.mos.collect import collect, read_key
from sharpstudy.mos.pages import read_study
from sharpstudy.mos.server import MOST_POSTED, RatingServer
from sharpstudy.mos.store import Store, UnknownRaterError
from tests.mos_study import build_small, serving, vote

RATERS = [f"{number:032x}" for number in range(1, 41)]
START = (
    "import sys\nfrom pathlib import Path\nfrom sharpstudy.mos.server import open_server\n"
    "server = open_server(Path(sys.argv[1]), Path(sys.argv[2]), port=int(sys.argv[3]))\n"
    "print(server.server_address[1], flush=True)\nserver.serve_forever()\n"
)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Bundle:
    return build_small(tmp_path_factory.mktemp("mos"))


@pytest.fixture
def running(small, tmp_path) -> Iterator[RatingServer]:
    with serving(small, tmp_path / "votes.sqlite") as server:
        yield server


def ask(port: int, method: str, path: str, body=None, **headers) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    data = json.dumps(body) if isinstance(body, (dict, list)) else body
    extra = {"Content-Type": "application/json"} if data is not None else {}
    try:
        connection.request(method, path, data, {**extra, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()


def join(port: int, rater: str) -> int:
    status, data, _ = ask(port, "POST", "/api/join", {"rater": rater, "consent": True, "device": {}})
    assert status == 200, data
    return json.loads(data)["seat"]


def send(port: int, rater: str, *votes: dict) -> tuple[int, dict]:
    status, data, _ = ask(port, "POST", "/api/votes", {"rater": rater, "votes": list(votes)})
    return status, json.loads(data)


def port_of(server: RatingServer) -> int:
    return server.server_address[1]


def seat_trials(study: dict, seat: int) -> list[tuple[str, int]]:
    """Every trial of a seat with a score that it allows."""
    (session,) = study["sessions"]
    rows = session["seats"][str(seat)]
    return [
        (f"s1-r{seat}-t{at}", session["blocks"][block]["low"] + at % 5)
        for at, (block, *_) in enumerate(rows, 1)
    ]


def test_a_rater_joins_votes_comes_back_and_is_deleted(running, tmp_path):
    port, rater = port_of(running), RATERS[0]
    assert running.server_address[0] == "127.0.0.1"
    assert join(port, rater) == join(port, rater) == 1
    assert join(port, RATERS[1]) == 2
    assert send(port, rater, vote("s1-r1-t1", -3)) == (200, {"stored": {"s1-r1-t1": 1}})
    status, data, _ = ask(port, "GET", f"/api/answers?rater={rater}")
    assert (status, json.loads(data)) == (200, {"votes": [vote("s1-r1-t1", -3)]})
    assert ask(port, "DELETE", "/api/rater", {"rater": rater})[0] == 200
    assert running.store.counts() == (1, 0)
    assert send(port, rater, vote("s1-r1-t1", -3))[0] == 403
    assert ask(port, "GET", f"/api/answers?rater={rater}")[0] == 403
    refused = ask(port, "POST", "/api/join", {"rater": rater, "consent": True, "device": {}})
    assert refused[0] == 403
    files = [path.read_bytes() for path in tmp_path.iterdir()]
    assert files
    assert not any(rater.encode() in data for data in files)
    assert join(port, RATERS[2]) == 1  # the seat is free again


def test_a_repeated_submit_changes_nothing_and_only_a_later_answer_replaces(running):
    port, rater = port_of(running), RATERS[0]
    join(port, rater)
    first = vote("s1-r1-t1", -3)
    for _ in range(3):
        assert send(port, rater, first)[0] == 200
    assert send(port, rater, vote("s1-r1-t1", 2, revision=2)) == (200, {"stored": {"s1-r1-t1": 2}})
    assert send(port, rater, first) == (200, {"stored": {"s1-r1-t1": 2}})  # late, and known to be older
    assert [one["score"] for one in running.store.votes_of(rater)] == [2]


def test_votes_that_come_together_are_stored_together_or_not_at_all(running):
    port, rater = port_of(running), RATERS[0]
    join(port, rater)
    status, answer = send(port, rater, vote("s1-r1-t1", 1), vote("s1-r1-t2", 99))
    assert status == 400
    assert "-3 to 3" in answer["error"]
    assert running.store.counts() == (1, 0)


def test_many_raters_at_once_lose_and_double_nothing(small, running):
    port, study = port_of(running), read_study(small.folder)

    def rate(rater: str) -> int:
        seat = join(port, rater)
        trials = seat_trials(study, seat)[:15]
        for trial, score in trials:
            for _ in range(2):  # every one is submitted twice
                assert send(port, rater, vote(trial, score))[0] == 200
        return seat

    with ThreadPoolExecutor(20) as pool:
        seats = list(pool.map(rate, RATERS[:20]))
    assert sorted(seats.count(seat) for seat in (1, 2, 3)) == [6, 7, 7]
    assert running.store.counts() == (20, 20 * 15)


@pytest.mark.slow
def test_kill_9_in_the_middle_of_twenty_raters_loses_no_acknowledged_vote(small, tmp_path):
    database, study = tmp_path / "votes.sqlite", read_study(small.folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    acknowledged: dict[tuple[str, str], int] = {}
    again = threading.Event()

    def start() -> subprocess.Popen:
        command = [sys.executable, "-c", START, str(small.folder), str(database), str(port)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        assert int(process.stdout.readline()) == port
        return process

    def patiently(act):
        while True:
            try:
                return act()
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)

    def rate(rater: str) -> int:
        seat, resubmitted = patiently(lambda: join(port, rater)), 0
        for trial, score in seat_trials(study, seat)[:30]:
            while True:
                try:
                    status, answer = send(port, rater, vote(trial, score))
                    break
                except (OSError, http.client.HTTPException):
                    resubmitted += 1  # it may or may not have been stored
                    time.sleep(0.02)
            assert (status, answer) == (200, {"stored": {trial: 1}})
            acknowledged[rater, trial] = score
            if len(acknowledged) > 150:
                again.set()
        return resubmitted

    process = start()
    with ThreadPoolExecutor(20) as pool:
        work = [pool.submit(rate, rater) for rater in RATERS[:20]]
        assert again.wait(60)
        process.kill()
        process.wait()
        before = dict(acknowledged)
        assert 150 < len(before) < 600
        assert read_votes(database).items() >= before.items()  # as the killed process left it
        process = start()
        resubmitted = sum(one.result(timeout=60) for one in work)
    process.kill()
    process.wait()
    process.stdout.close()
    assert resubmitted > 0
    assert len(acknowledged) == 600
    assert read_votes(database) == acknowledged
    collected = collect(read_key(small.key), [database], "simulated")
    assert collected.problems == []
    assert {(row["rater"], row["trial"]): row["score"] for row in collected.rows} == acknowledged
    assert len(collected.rows) == 600


def read_votes(database) -> dict[tuple[str, str], int]:
    connection = sqlite3.connect(database)
    try:
        rows = connection.execute("SELECT rater, trial, score FROM votes").fetchall()
    finally:
        connection.close()
    assert len({row[:2] for row in rows}) == len(rows)
    return {(rater, trial): score for rater, trial, score in rows}


@pytest.mark.parametrize(
    "path",
    [
        "/../key.json",
        "/assets/../study.json",
        "/assets/%2e%2e/study.json",
        "/assets/..%2f..%2fkey.json",
        "/assets/....//study.json",
        "//etc/passwd",
        "/study.json",
        "/assets/",
        "/assets/" + "0" * 32 + ".webp",
        "/votes.sqlite",
        "/api/votes",
    ],
)
def test_nothing_but_the_page_and_its_pictures_can_be_read(running, path):
    status, data, _ = ask(port_of(running), "GET", path)
    assert status == 404
    assert json.loads(data) == {"error": "there is nothing here"}


def test_the_page_and_its_pictures_come_with_a_strict_policy(small, running):
    port = port_of(running)
    status, page, headers = ask(port, "GET", "/")
    assert status == 200
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert re.search(rb"https?://", page) is None
    name = read_study(small.folder)["assets"][0]
    status, picture, headers = ask(port, "GET", f"/assets/{name}.webp")
    assert (status, headers["content-type"]) == (200, "image/webp")
    assert picture == (small.folder / "assets" / f"{name}.webp").read_bytes()
    assert ask(port, "HEAD", f"/assets/{name}.webp")[1] == b""


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("POST", "/api/votes", b"{" * 100, {}, 400),
        ("POST", "/api/votes", b"\xff\xfe", {}, 400),
        ("POST", "/api/votes", b"[" * 60_000, {}, 400),
        ("POST", "/api/votes", b"[]", {}, 400),
        ("POST", "/api/votes", {"rater": RATERS[0], "votes": []}, {}, 400),
        ("POST", "/api/votes", {"rater": RATERS[0], "votes": [vote("s1-r1-t1", 0)] * 51}, {}, 400),
        ("POST", "/api/votes", {"rater": RATERS[0], "votes": [vote("s1-r1-t1", 0)]}, {}, 403),
        ("POST", "/api/votes", {"rater": "'; DROP TABLE votes; --", "votes": [vote("s1-r1-t1", 0)]}, {}, 400),
        ("POST", "/api/join", {"rater": RATERS[0], "consent": False, "device": {}}, {}, 400),
        ("POST", "/api/join", {"rater": RATERS[0], "consent": True, "device": {"x": 1}}, {}, 400),
        ("POST", "/api/join", {"rater": RATERS[0], "consent": True, "device": {}, "more": 1}, {}, 400),
        ("POST", "/api/join", b"x" * (MOST_POSTED + 1), {}, 413),
        ("POST", "/api/join", b"{}", {"Content-Length": "-5"}, 411),
        ("POST", "/api/join", b"{}", {"Content-Type": "text/plain"}, 415),
        ("POST", "/api/join", b"{}", {"Origin": "https://evil.example"}, 403),
        ("GET", "/", None, {"Host": "evil.example"}, 403),
        ("POST", "/elsewhere", b"{}", {}, 404),
        ("DELETE", "/api/votes", b"{}", {}, 404),
        ("DELETE", "/api/rater", {"rater": "all"}, {}, 400),
        ("PUT", "/api/votes", b"{}", {}, 501),
    ],
)
def test_requests_that_are_refused(running, method, path, body, headers, status):
    answer = ask(port_of(running), method, path, body, **headers)
    assert answer[0] == status
    assert b"Traceback" not in answer[1]
    assert running.store.counts() == (0, 0)
    assert ask(port_of(running), "GET", "/")[0] == 200


def test_a_refused_body_is_not_taken_for_the_next_request(running):
    with socket.create_connection(("127.0.0.1", port_of(running)), timeout=10) as line:
        inner = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        head = b"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % len(inner)
        line.sendall(head + inner)
        data = b""
        while part := line.recv(65536):
            data += part
    assert data.count(b"HTTP/1.1") == 1


def test_a_database_of_another_study_or_of_something_else_is_refused(tmp_path):
    Store(tmp_path / "a.sqlite", "one").close()
    with pytest.raises(ValueError, match="of the study one, not of two"):
        Store(tmp_path / "a.sqlite", "two")
    (tmp_path / "b.sqlite").write_bytes(b"no database, but long enough to be looked at" * 30)
    with pytest.raises(ValueError, match="cannot be used as a database"):
        Store(tmp_path / "b.sqlite", "one")


def test_two_stores_on_one_file_agree(tmp_path):
    one, two = Store(tmp_path / "a.sqlite", "s"), Store(tmp_path / "a.sqlite", "s")
    assert (one.join(RATERS[0], 3, {}), two.join(RATERS[1], 3, {}), two.join(RATERS[0], 3, {})) == (1, 2, 1)
    one.add_votes(RATERS[0], [vote("t1", 1)])
    assert two.add_votes(RATERS[0], [vote("t1", 3)]) == {"t1": 1}
    assert two.votes_of(RATERS[0])[0]["score"] == 1
    with pytest.raises(UnknownRaterError):
        one.add_votes(RATERS[5], [vote("t1", 1)])
    one.close()
    two.close()
