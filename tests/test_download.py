"""Assets brought into an assets folder: layout, atomic unpacking, locks, space, and the way in by name."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace

import pytest

import sharpstudy.assets as registry
from sharpstudy.assets import Asset, AssetError, AssetFile, fetch_asset
from sharpstudy.assets.listing import fetch_text
from sharpstudy.download import fetch
from tests.download_server import BODY, GOOD, Answer, leftovers, make_tar, make_zip, weights


def data(url: str, body: bytes, **changes: object) -> Asset:
    settings = {
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "urls": (url,),
        "unpacked": 1000,
    }
    settings |= {"unpack": {"top/images/train": "train", "top/images/val": "val"}, "count": 3} | changes
    return Asset("photos", "data", "data/photos", "a test", "none", "a test", **settings)


def test_an_archive_called_an_encoding_is_kept_as_it_is(server, tmp_path):
    body = make_tar(GOOD)
    asset = data(server.url("/photos.tgz", Answer(body=body, encoding="gzip")), body)
    assert fetch(asset, tmp_path, "none").is_dir()


def test_a_full_disk_is_noticed_before_the_start(server, tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 100_000})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    with pytest.raises(AssetError, match=r"tiny needs 0.3 MB in .*, 0.1 MB are free"):
        fetch(weights(server.url("/a", Answer())), tmp_path, "none")
    assert server.asked == []


def test_a_folder_that_cannot_be_written_to_is_one_sentence(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AssetError, match="cannot write tiny to"):
        fetch(weights(server.url("/a", Answer())), tmp_path / "file", "none")


def test_two_fetches_at_once_do_not_mix(server, tmp_path):
    url = server.url("/a", Answer(hang=True))

    def fail() -> None:
        with pytest.raises(AssetError):
            fetch(weights(url), tmp_path, "none")

    first = threading.Thread(target=fail)
    first.start()
    while not server.asked:
        first.join(0.01)
    with pytest.raises(AssetError, match=r"another fetch of tiny into .* is running"):
        fetch(weights(url), tmp_path, "none")
    server.answers["/a"] = Answer(status=404)
    server.release.set()
    first.join(5)
    assert not first.is_alive()
    server.answers["/a"] = Answer()
    assert fetch(weights(url), tmp_path, "none").read_bytes() == BODY


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_an_archive_lands_in_the_layout_of_the_data_set(server, tmp_path, make):
    body = make(GOOD)
    asset = data(server.url("/photos", Answer(body=body)), body)
    folder = fetch(asset, tmp_path, "none")
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}
    assert found == {"train/1.jpg": b"one", "train/2.JPG": b"two", "val/3.png": b"three"}
    assert leftovers(tmp_path) == []


def test_an_incomplete_archive_leaves_no_data_set(server, tmp_path):
    body = make_tar(GOOD)
    asset = data(server.url("/photos", Answer(body=body)), body, count=4)
    with pytest.raises(AssetError, match="unpacks to 3 pictures, expected 4"):
        fetch(asset, tmp_path, "none")
    assert not (tmp_path / "data" / "photos").exists()
    assert leftovers(tmp_path) == ["photos.part"]


def test_an_interrupted_unpacking_starts_clean_without_a_new_download(server, tmp_path):
    body = make_tar(GOOD)
    asset = data(server.url("/photos", Answer(body=body)), body)
    stale = tmp_path / ".fetch" / "photos.new" / "train"
    stale.mkdir(parents=True)
    (stale / "stale.jpg").write_bytes(b"stale")
    (tmp_path / ".fetch" / "photos.part").write_bytes(body)
    (tmp_path / "data" / "photos").mkdir(parents=True)
    folder = fetch(asset, tmp_path, "none")
    assert server.asked == []
    assert not (folder / "train" / "stale.jpg").exists()
    assert len(list(folder.rglob("*.*"))) == 3


def test_a_data_set_comes_file_by_file_and_goes_on(server, tmp_path):
    bodies = {f"{number}.png": bytes([number]) * 1000 for number in range(3)}
    files = tuple(
        AssetFile(
            name, server.url(f"/{name}", Answer(body=body)), len(body), hashlib.sha256(body).hexdigest()
        )
        for name, body in bodies.items()
    )
    asset = Asset("set", "data", "data/set", "a test", "none", "a test", 3000, files=files)
    server.answers["/2.png"].status = 404
    with pytest.raises(AssetError, match=r"/2.png answered 404"):
        fetch(asset, tmp_path, "none")
    assert not (tmp_path / "data").exists()
    server.answers["/2.png"].status = 200
    server.asked.clear()
    folder = fetch(asset, tmp_path, "none")
    assert server.asked == [("/2.png", None)]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == bodies


def test_fetching_a_set_of_parts_fetches_the_parts_that_are_missing(server, tmp_path, monkeypatch):
    body = make_zip({"DIV2K_valid_HR/0801.png": b"picture"})
    part = data(server.url("/v", Answer(body=body)), body, unpack={"DIV2K_valid_HR": ""}, count=1)
    valid = replace(part, name="div2k-valid", path="data/div2k/valid")
    monkeypatch.setitem(registry._BY_SPELLING, "div2k-valid", valid)
    (tmp_path / "data" / "div2k" / "train").mkdir(parents=True)
    (tmp_path / "data" / "div2k" / "train" / "0001.png").write_bytes(b"")
    folder = fetch_asset("div2k", into=tmp_path, progress="none")
    assert folder == tmp_path / "data" / "div2k"
    assert (folder / "valid" / "0801.png").read_bytes() == b"picture"
    assert [path for path, _ in server.asked] == ["/v"]


def test_fetch_by_name_replaces_a_broken_file_and_then_leaves_it(server, tmp_path, monkeypatch):
    asset = weights(server.url("/a", Answer()))
    monkeypatch.setitem(registry._BY_SPELLING, "tiny", asset)
    monkeypatch.setenv("SHARPSTUDY_ASSETS", str(tmp_path))
    monkeypatch.setattr(registry, "cache_folder", lambda: tmp_path / "cache")
    path = tmp_path / "weights" / "tiny.pth"
    path.parent.mkdir()
    path.write_bytes(b"broken")
    assert fetch_asset("tiny", progress="none") == path
    assert path.read_bytes() == BODY
    assert fetch_text("tiny") == f"tiny is already at {path}"
    assert len(server.asked) == 1
    other = tmp_path / "other"
    assert fetch_text("tiny", into=other, progress="none") == f"tiny is at {other / 'weights' / 'tiny.pth'}"
