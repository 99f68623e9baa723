"""Data sets and weights that are not the study's own: what they are, where they lie, whether they are intact.

An assets folder holds `data/<name>/...` and `weights/<file>`. Two folders are searched: the one that
SHARPSTUDY_ASSETS names, then the user's cache. Only `fetch_asset` opens a connection, through `download`. The
list itself is `list.json`.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from sharpstudy.paths import assets_folder, cache_folder

Progress = Literal["bar", "none"]
Place = Literal["assets", "cache"]


class AssetError(ValueError):
    """One sentence: which data set or weight file is missing, unknown or not intact, and what helps."""


@dataclass(frozen=True)
class AssetFile:
    """One file of a data set that is published file by file."""

    name: str
    url: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Asset:
    """One data set or weight file; sizes are in bytes, and `size` is what is downloaded."""

    name: str
    kind: Literal["data", "weights"]
    path: str  # inside an assets folder, with forward slashes
    purpose: str
    licence: str
    origin: str
    size: int
    size_is: Literal["exact", "about"] = "exact"
    urls: tuple[str, ...] = ()  # addresses of the same bytes, tried in order
    sha256: str | None = None  # None where nobody publishes it
    sha256_prefix: str | None = None  # the publisher's own, from the name of the file
    files: tuple[AssetFile, ...] = ()
    unpack: Mapping[str, str] = field(default_factory=dict)  # folder in the archive -> folder in the data set
    unpacked: int = 0
    count: int | None = None  # pictures in the data set
    parts: tuple[str, ...] = ()  # the assets that it consists of, in folders below its own
    note: str = ""

    @property
    def file(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self.path).name

    @property
    def can_be_fetched(self) -> bool:
        """Whether a public address is known."""
        return bool(self.urls or self.files or self.parts)


def _read_asset(entry: dict) -> Asset:
    """The asset of one entry of list.json, where `files` holds [name, size, sha256] below `base`."""
    base = entry.pop("base", "")
    files = tuple(AssetFile(name, base + name, size, sha256) for name, size, sha256 in entry.pop("files", ()))
    lists = {name: tuple(entry.get(name, ())) for name in ("urls", "parts")}
    return Asset(**entry | lists | {"files": files})


def _read_list() -> dict[str, Asset]:
    entries = json.loads(Path(__file__).with_name("list.json").read_text(encoding="utf-8"))
    return {entry["name"]: _read_asset(entry) for entry in entries}


ASSETS: dict[str, Asset] = _read_list()


def _plain(name: str) -> str:
    return name.casefold().replace("_", "-")


def _index() -> dict[str, Asset]:
    """Every spelling that `asset_named` understands; an asset's own name is never shadowed by a file's."""
    weights = [asset for asset in ASSETS.values() if asset.kind == "weights"]
    by_file = {_plain(name): asset for asset in weights for name in (Path(asset.file).stem, asset.file)}
    return by_file | {_plain(name): asset for name, asset in ASSETS.items()}


_BY_SPELLING = _index()


def asset_named(name: str) -> Asset:
    """The asset of its name or its weight file's, with or without suffix; case and `-` or `_` are free."""
    asset = _BY_SPELLING.get(_plain(name))
    if asset is None:
        close = difflib.get_close_matches(_plain(name), [_plain(known) for known in ASSETS], n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "`sharpstudy fetch --list` shows all names"
        raise AssetError(f"unknown data set or weight file {name!r}: {hint}")
    return asset


def search_folders() -> dict[Place, Path]:
    """The folders that are searched, in order; without platformdirs there is no cache to look into."""
    named = assets_folder()
    folders: dict[Place, Path] = {"assets": named} if named else {}
    with contextlib.suppress(ModuleNotFoundError):
        folders["cache"] = cache_folder()
    return folders


def is_there(path: Path) -> bool:
    """Whether a path is a file, or a folder with something in it."""
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


def holds(folder: Path, asset: Asset) -> bool:
    """Whether an assets folder holds an asset, with all its parts."""
    return all(is_there(folder / path) for path in (asset.path, *(ASSETS[part].path for part in asset.parts)))


def _places(asset: Asset, into: Path | None = None) -> list[Path]:
    """Where an asset lies, in the assets folder `into` or in those that are searched."""
    folders = search_folders().values() if into is None else [Path(into)]
    return [folder / asset.path for folder in folders if holds(folder, asset)]


def find_asset(name: str) -> Path | None:
    """The folder of a data set or the path of a weight file, not checked; None where it is not here."""
    return next(iter(_places(asset_named(name))), None)


def require_asset(name: str, into: Path | None = None) -> Path:
    """The folder of a data set, or the path of a weight file whose size and sha256 were checked."""
    asset = asset_named(name)
    problems = []
    for path in _places(asset, into):
        try:
            check_asset(asset, path)
        except AssetError as error:
            problems.append(error)
        else:
            return path
    raise problems[0] if problems else AssetError(how_to_get(asset))


def how_to_get(asset: Asset) -> str:
    """One sentence for someone who needs an asset that is not here."""
    where = f"SHARPSTUDY_ASSETS name a folder that holds {asset.path}"
    if asset.can_be_fetched:
        get = f"`sharpstudy fetch {asset.name}` gets it ({size_text(asset)})"
        return f"{asset.name} is not here: {get}, or let {where}"
    return f"{asset.name} is not here and has no address to fetch from: let {where} (origin: {asset.origin})"


_checked: set[tuple[str, int, int]] = set()


def check_asset(asset: Asset, path: Path) -> None:
    """Raise AssetError where a weight file is not the one in the list; each file is read once per process."""
    if asset.kind != "weights":
        return
    stat = path.stat()
    key = (str(path), stat.st_mtime_ns, stat.st_size)
    if key in _checked:
        return
    cure = f"`sharpstudy fetch {asset.name}` replaces it" if asset.can_be_fetched else "copy it again"
    if asset.size_is == "exact" and stat.st_size != asset.size:
        raise AssetError(f"{path} is not intact: expected {asset.size} bytes, got {stat.st_size}; {cure}")
    expected = expected_sha256(asset, path)
    if expected and not (got := file_sha256(path)).startswith(expected):
        raise AssetError(f"{path} is not intact: expected sha256 {expected}, got {got}; {cure}")
    _checked.add(key)


def expected_sha256(asset: Asset, path: Path) -> str | None:
    """The published sha256, else the one recorded beside `path` at its first download, else its beginning."""
    if asset.sha256:
        return asset.sha256
    try:
        return json.loads(record_path(path).read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return asset.sha256_prefix


def record_path(path: Path) -> Path:
    """Where the sha256 of a first download is recorded when none is published."""
    return path.with_name(f"{path.name}.recorded.json")


def file_sha256(path: Path) -> str:
    """The sha256 of a file, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def fetch_folder() -> Path:
    """Where downloads go: the folder of SHARPSTUDY_ASSETS when it can be written to, else the cache."""
    folder = assets_folder()
    if folder is not None:
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
    return cache_folder()


def present_asset(name: str, into: Path | None = None) -> Path | None:
    """What `require_asset` returns, or None where no intact copy is here."""
    with contextlib.suppress(AssetError):
        return require_asset(name, into)
    return None


def fetch_asset(name: str, into: Path | None = None, progress: Progress = "bar") -> Path:
    """The path of an asset, downloaded where no intact copy is here; `into` names an assets folder."""
    asset = asset_named(name)
    path = present_asset(name, into)
    if path is not None:
        return path
    if not asset.can_be_fetched:
        return require_asset(name)  # which says what is wrong
    from sharpstudy.download import fetch

    folder = Path(into) if into is not None else fetch_folder()
    for part in asset.parts:
        fetch_asset(part, folder, progress)
    return folder / asset.path if asset.parts else fetch(asset, folder, progress)


def size_text(asset: Asset) -> str:
    """The size of a download for people: "70.8 MB", "about 6.1 MB", "3.53 GB"."""
    value, unit = (asset.size / 1e9, "GB") if asset.size >= 1e9 else (asset.size / 1e6, "MB")
    digits = 2 if unit == "GB" or value < 1 else 1
    return f"{'about ' if asset.size_is == 'about' else ''}{value:.{digits}f} {unit}"
