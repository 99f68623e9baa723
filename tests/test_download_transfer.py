"""One file over HTTP: cut, resumed, refused, wrong and slow ones."""

from __future__ import annotations

import hashlib
import json
import socket

import pytest

from sharpstudy.assets import AssetError, record_path
from sharpstudy.download import fetch, transfer
from tests.download_server import BODY, SHA, Answer, leftovers, weights


def test_a_file_arrives_checked_and_whole(server, tmp_path):
    asset = weights(server.url("/a", Answer()))
    path = fetch(asset, tmp_path, "none")
    assert path == tmp_path / "weights" / "tiny.pth"
    assert path.read_bytes() == BODY
    assert server.asked == [("/a", None)]
    assert leftovers(tmp_path) == []
    assert not record_path(path).exists()


def test_a_cut_download_goes_on_where_it_broke_off(server, tmp_path):
    asset = weights(server.url("/a", Answer(cut_after=[100_000, 50_000])))
    assert fetch(asset, tmp_path, "none").read_bytes() == BODY
    assert server.asked == [("/a", None), ("/a", "bytes=100000-"), ("/a", "bytes=150000-")]


def test_a_later_fetch_goes_on_from_what_an_earlier_one_left(server, tmp_path):
    url = server.url("/a", Answer(cut_after=[100_000, 0, 0, 0]))
    with pytest.raises(AssetError, match=r"/a broke off: .*fetching again goes on from there"):
        fetch(weights(url), tmp_path, "none")
    assert (tmp_path / ".fetch" / "a.part").stat().st_size == 100_000
    assert not (tmp_path / "weights").exists()
    server.asked.clear()
    assert fetch(weights(url), tmp_path, "none").read_bytes() == BODY
    assert server.asked == [("/a", "bytes=100000-")]


def test_progress_resets_the_patience(server, tmp_path):
    asset = weights(server.url("/a", Answer(cut_after=[30_000] * 9)))
    assert fetch(asset, tmp_path, "none").read_bytes() == BODY
    assert len(server.asked) == 10


def test_a_server_without_ranges_starts_over(server, tmp_path):
    asset = weights(server.url("/a", Answer(cut_after=[100_000], ranges=False)))
    assert fetch(asset, tmp_path, "none").read_bytes() == BODY
    assert server.asked == [("/a", None), ("/a", "bytes=100000-")]


def test_a_complete_part_of_unknown_size_is_recognised(server, tmp_path):
    asset = weights(server.url("/a", Answer()), size_is="about", size=290_000)
    (tmp_path / ".fetch").mkdir()
    (tmp_path / ".fetch" / "a.part").write_bytes(BODY)
    assert fetch(asset, tmp_path, "none").read_bytes() == BODY
    assert server.asked == [("/a", "bytes=300000-")]


def test_a_part_that_does_not_fit_is_replaced(server, tmp_path):
    asset = weights(server.url("/a", Answer()), size_is="about", size=290_000)
    (tmp_path / ".fetch").mkdir()
    (tmp_path / ".fetch" / "a.part").write_bytes(BODY + b"more")
    assert fetch(asset, tmp_path, "none").read_bytes() == BODY
    assert server.asked == [("/a", "bytes=300004-"), ("/a", None)]


def test_wrong_bytes_are_deleted_and_both_hashes_are_named(server, tmp_path):
    wrong = BODY[:-1] + b"?"
    asset = weights(server.url("/a", Answer(body=wrong)))
    with pytest.raises(AssetError) as caught:
        fetch(asset, tmp_path, "none")
    assert f"expected sha256 {SHA}, got {hashlib.sha256(wrong).hexdigest()}" in str(caught.value)
    assert leftovers(tmp_path) == []
    assert not (tmp_path / "weights").exists()


def test_a_published_prefix_is_enforced(server, tmp_path):
    url = server.url("/a", Answer())
    with pytest.raises(AssetError, match="expected sha256 00000000, got"):
        fetch(weights(url, sha256=None, sha256_prefix="00000000"), tmp_path, "none")
    assert fetch(weights(url, sha256=None, sha256_prefix=SHA[:8]), tmp_path, "none").is_file()


def test_an_unpublished_hash_is_recorded_and_then_enforced(server, tmp_path):
    url = server.url("/a", Answer())
    asset = weights(url, sha256=None)
    path = fetch(asset, tmp_path, "none")
    assert json.loads(record_path(path).read_text()) == {"sha256": SHA, "url": url}
    path.unlink()
    server.answers["/a"].body = BODY[::-1]
    with pytest.raises(AssetError, match=f"expected sha256 {SHA}"):
        fetch(asset, tmp_path, "none")
    assert not path.exists()


def test_halves_of_unknown_files_are_not_joined_across_fetches(server, tmp_path):
    asset = weights(server.url("/a", Answer()), sha256=None)
    (tmp_path / ".fetch").mkdir()
    (tmp_path / ".fetch" / "a.part").write_bytes(b"x" * 1000)
    assert fetch(asset, tmp_path, "none").read_bytes() == BODY
    assert server.asked == [("/a", None)]


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refusal_is_final_and_names_the_address(server, tmp_path, status):
    url = server.url("/a", Answer(status=status))
    with pytest.raises(AssetError, match=f"{url} answered {status}"):
        fetch(weights(url), tmp_path, "none")
    assert len(server.asked) == 1


def test_an_overloaded_server_is_asked_again(server, tmp_path):
    url = server.url("/a", Answer(status=503))
    with pytest.raises(AssetError, match="broke off: status 503"):
        fetch(weights(url), tmp_path, "none")
    assert len(server.asked) == 4


def test_the_next_address_is_tried(server, tmp_path):
    asset = weights(server.url("/gone", Answer(status=404)), sha256=SHA)
    good = server.url("/a", Answer())
    path = fetch(weights(asset.urls[0], urls=(asset.urls[0], good)), tmp_path, "none")
    assert path.read_bytes() == BODY
    assert [asked for asked, _ in server.asked] == ["/gone", "/a"]


def test_a_refused_connection_is_one_sentence(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/a"
    with pytest.raises(AssetError, match=r"/a cannot be reached: .*refused") as caught:
        fetch(weights(url), tmp_path, "none")
    assert str(caught.value).startswith(url)
    assert "HTTPConnectionPool" not in str(caught.value)


def test_a_silent_server_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "TIMEOUT", (0.2, 0.2))
    url = server.url("/a", Answer(hang=True))
    with pytest.raises(AssetError, match=f"{url} broke off: no answer in time"):
        fetch(weights(url), tmp_path, "none")
    assert len(server.asked) == 4


def test_a_web_page_is_not_taken_for_weights(server, tmp_path):
    asset = weights(server.url("/a", Answer(kind="text/html; charset=utf-8")), sha256=None)
    with pytest.raises(AssetError, match="web page"):
        fetch(asset, tmp_path, "none")


def test_other_sizes_than_expected_are_refused_early(server, tmp_path):
    with pytest.raises(AssetError, match="announces 300000 bytes, expected 5"):
        fetch(weights(server.url("/a", Answer()), size=5), tmp_path, "none")
    endless = weights(server.url("/b", Answer(length=False)), size=1000, size_is="about")
    with pytest.raises(AssetError, match="sends more than 2000 bytes"):
        fetch(endless, tmp_path, "none")
    assert (tmp_path / ".fetch" / "b.part").stat().st_size <= 2000


def test_without_length_and_hash_nothing_is_trusted(server, tmp_path):
    asset = weights(server.url("/a", Answer(length=False)), sha256=None, size_is="about")
    with pytest.raises(AssetError, match="does not say how long"):
        fetch(asset, tmp_path, "none")


def test_the_bar_counts_bytes_and_leaves_what_was_here_out_of_the_speed(server, tmp_path, capsys):
    asset = weights(server.url("/a", Answer(cut_after=[100_000], ranges=False)))
    fetch(asset, tmp_path, "bar")
    assert "tiny" in capsys.readouterr().err
    with transfer.Bar("two", 30, "bar") as bar:
        counted = []
        for move, position in ((bar.start_at, 4), (bar.move, 10), (bar.start_at, 0), (bar.move, 10)):
            move(position)
            counted.append((bar._bar.n, bar._bar.n - bar._bar.initial))
        bar.next_file()
        bar.move(20)
        counted.append((bar._bar.n, bar._bar.n - bar._bar.initial))
    assert counted == [(4, 0), (10, 6), (0, 6), (10, 16), (30, 36)]
