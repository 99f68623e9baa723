"""Archives, good and malicious: what lands on the disk and what is refused."""

from __future__ import annotations

import io
import os
import stat
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from sharpstudy.assets import AssetError
from sharpstudy.download.archives import unpack
from tests.download_server import GOOD, make_tar, make_zip


def write(folder: Path, body: bytes) -> Path:
    path = folder / "archive"
    path.write_bytes(body)
    return path


@pytest.mark.parametrize("make", [make_tar, make_zip])
@pytest.mark.parametrize(
    "name", ["../evil.png", "a/../../evil.png", "/evil.png", "C:/evil.png", "a//evil.png", "a\\..\\evil.png"]
)
def test_paths_that_lead_outside_are_refused(tmp_path, make, name):
    archive = write(tmp_path, make({"good.png": b"good", name: b"evil"}))
    if make is make_zip and "\\" in name and os.sep == "\\":
        pytest.skip("zipfile itself turns backslashes into slashes here")
    with pytest.raises(AssetError, match="leads outside"):
        unpack(archive, tmp_path / "out", {"": ""}, limit=100)
    assert not list(tmp_path.rglob("evil*"))


def test_a_path_that_climbs_out_of_the_wanted_folder_is_refused(tmp_path):
    archive = write(tmp_path, make_tar({"top/train/../../../evil.png": b"evil"}))
    with pytest.raises(AssetError, match="leads outside"):
        unpack(archive, tmp_path / "out", {"top/train": "train"}, limit=100)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tape:
        info = tarfile.TarInfo("a/link.png")
        info.type, info.linkname = kind, "/etc/passwd"
        tape.addfile(info)
    with pytest.raises(AssetError, match=r"link or device: a/link.png"):
        unpack(write(tmp_path, out.getvalue()), tmp_path / "out", {"": ""}, limit=100)
    assert not (tmp_path / "out").exists()


def test_links_in_a_zip_are_refused(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        info = zipfile.ZipInfo("link.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(info, "/etc/passwd")
    with pytest.raises(AssetError, match="link or device"):
        unpack(write(tmp_path, out.getvalue()), tmp_path / "out", {"": ""}, limit=100)


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_more_bytes_than_the_limit_are_refused_before_they_are_written(tmp_path, make):
    archive = write(tmp_path, make({"a.png": b"a" * 60, "b.png": b"b" * 60}))
    with pytest.raises(AssetError, match="more than 100 bytes"):
        unpack(archive, tmp_path / "out", {"": ""}, limit=100)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]


def test_a_zip_that_lies_about_its_sizes_writes_no_more_than_it_declares(tmp_path):
    body = bytearray(make_zip({"bomb.png": b"\0" * 5_000_000}))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", body, body.index(mark) + offset, 10)
    with pytest.raises(AssetError):
        unpack(write(tmp_path, bytes(body)), tmp_path / "out", {"": ""}, limit=100)
    assert sum(path.stat().st_size for path in (tmp_path / "out").iterdir()) <= 10


def test_the_same_path_twice_is_refused(tmp_path):
    archive = write(tmp_path, make_tar({"a.png": b"one", "A.png": b"two"}))
    with pytest.raises(AssetError, match=r"A.png twice"):
        unpack(archive, tmp_path / "out", {"": ""}, limit=100)


@pytest.mark.parametrize("body", [b"no archive", make_tar(GOOD)[:150], make_zip(GOOD)[:-30]])
def test_what_is_no_archive_is_refused_in_words(tmp_path, body):
    with pytest.raises(AssetError, match="archive cannot be unpacked"):
        unpack(write(tmp_path, body), tmp_path / "out", {"": ""}, limit=1000)
