"""Pictures out of tar and zip archives, written one by one so that no member chooses where it lands."""

from __future__ import annotations

import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from sharpstudy.assets import AssetError

PICTURES = {".bmp", ".jpeg", ".jpg", ".png"}
MOST_MEMBERS = 100_000
UNREADABLE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,  # zipfile's word for a member with a password
)


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    kind: Literal["file", "folder", "other"]
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, folder: Path, wanted: Mapping[str, str], limit: int) -> int:
    """The number of pictures written from an archive; `wanted` maps its folders to folders below `folder`.

    Members elsewhere and files that are no pictures are passed over. The archive is refused for a wanted
    member that is a link or a device or whose path leads outside, for a path that comes twice, and for more
    than `limit` bytes in all.
    """
    written: set[str] = set()
    left = limit
    try:
        for number, member in enumerate(_members(archive)):
            if number == MOST_MEMBERS:
                raise AssetError(f"{archive.name} holds more than {MOST_MEMBERS} members")
            place = _place(archive, member, wanted)
            if place is None:
                continue
            left -= member.size
            if left < 0:
                raise AssetError(f"{archive.name} unpacks to more than {limit} bytes")
            if place.casefold() in written:
                raise AssetError(f"{archive.name} holds {member.name} twice")
            written.add(place.casefold())
            _write(archive, member, folder / place)
    except UNREADABLE as error:
        raise AssetError(f"{archive.name} cannot be unpacked: {error}") from error
    return len(written)


def _place(archive: Path, member: _Member, wanted: Mapping[str, str]) -> str | None:
    """Where a member belongs below the data set's folder, or None when it is passed over."""
    name = member.name.removeprefix("./").removesuffix("/")
    for source, goal in wanted.items():
        if source and not name.startswith(f"{source}/"):
            continue
        parts = name.removeprefix(f"{source}/" if source else "").split("/")
        if any(part in {"", ".", ".."} or set(part) & set("\\:\0") for part in parts):
            raise AssetError(f"{archive.name} holds a path that leads outside: {member.name}")
        if member.kind == "other":
            raise AssetError(f"{archive.name} holds a link or device: {member.name}")
        if member.kind == "file" and PurePosixPath(name).suffix.lower() in PICTURES:
            return "/".join([goal, *parts] if goal else parts)
    return None


def _write(archive: Path, member: _Member, path: Path) -> None:
    """Write one member; both readers hand out no more than the size that it declares."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with member.open() as source, path.open("xb") as stream:
        shutil.copyfileobj(source, stream)
    if path.stat().st_size != member.size:
        raise AssetError(f"{archive.name} breaks off in {member.name}")


def _members(archive: Path) -> Iterator[_Member]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                yield _Member(info.filename, info.file_size, _zip_kind(info), lambda i=info: zipped.open(i))
    else:
        with tarfile.open(archive, "r:*") as tape:
            for info in tape:
                yield _Member(info.name, info.size, _tar_kind(info), lambda i=info: tape.extractfile(i))


def _zip_kind(info: zipfile.ZipInfo) -> Literal["file", "folder", "other"]:
    if info.is_dir():
        return "folder"
    return "file" if stat.S_IFMT(info.external_attr >> 16) in {0, stat.S_IFREG} else "other"


def _tar_kind(info: tarfile.TarInfo) -> Literal["file", "folder", "other"]:
    if info.isdir():
        return "folder"
    return "file" if info.isreg() else "other"
