"""The one network door: brings an asset into an assets folder, checked, and whole or not at all.

Only `assets.fetch_asset` imports this. What is on its way lies in the folder `.fetch` of the assets folder
and is moved to its place by `os.replace`, so that a crash leaves nothing that looks finished.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from sharpstudy.assets import Asset, AssetError, Progress, expected_sha256, file_sha256, is_there, record_path
from sharpstudy.download.archives import unpack
from sharpstudy.download.transfer import Bar, Wanted, bring_file


def fetch(asset: Asset, folder: Path, progress: Progress) -> Path:
    """The path of an asset inside the assets folder `folder`, downloaded, checked and unpacked."""
    work = folder / ".fetch"
    try:
        work.mkdir(parents=True, exist_ok=True)
        with _alone(asset, work):
            _check_space(asset, folder)
            with Bar(asset.name, asset.size, progress) as bar:
                return _bring(asset, folder / asset.path, work, bar)
    except OSError as error:
        raise AssetError(f"cannot write {asset.name} to {folder}: {error.strerror or error}") from error


@contextmanager
def _alone(asset: Asset, work: Path) -> Iterator[None]:
    """Hold the asset's lock, which the system releases when the process ends in whatever way."""
    try:
        with FileLock(work / f"{asset.name}.lock", timeout=0):
            yield
    except Timeout as error:
        raise AssetError(
            f"another fetch of {asset.name} into {work.parent} is running: wait for its end"
        ) from error


def _check_space(asset: Asset, folder: Path) -> None:
    need = int(1.02 * (asset.size + asset.unpacked))
    free = shutil.disk_usage(folder).free
    if free < need:
        raise AssetError(f"{asset.name} needs {need / 1e6:.1f} MB in {folder}, {free / 1e6:.1f} MB are free")


def _bring(asset: Asset, target: Path, work: Path, bar: Bar) -> Path:
    """Download an asset and move it to `target`, by what it is: single files, an archive, or one file."""
    if asset.files:
        return _bring_files(asset, target, work / f"{asset.name}.new", bar)
    part = work / f"{PurePosixPath(asset.urls[0]).name}.part"
    size = asset.size if asset.size_is == "exact" else None
    wanted = Wanted(size, expected_sha256(asset, target), limit=size or 2 * asset.size)
    digest, url = bring_file(asset.urls, part, wanted, bar)
    if asset.unpack:
        _install_archive(asset, part, target, work / f"{asset.name}.new")
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(part, target)
    if asset.sha256 is None:
        _write_record(record_path(target), {"sha256": digest, "url": url})
    return target


def _bring_files(asset: Asset, target: Path, new: Path, bar: Bar) -> Path:
    """Download file by file into `new`, keeping the good ones of an earlier try, then move the folder."""
    new.mkdir(parents=True, exist_ok=True)
    for file in asset.files:
        path = new / file.name
        if not (path.is_file() and file_sha256(path) == file.sha256):
            part = new / f"{file.name}.part"
            bring_file((file.url,), part, Wanted(file.size, file.sha256, limit=file.size), bar)
            os.replace(part, path)
        bar.start_at(file.size)
        bar.next_file()
    _install_folder(new, target)
    return target


def _install_archive(asset: Asset, archive: Path, target: Path, new: Path) -> None:
    shutil.rmtree(new, ignore_errors=True)  # what an interrupted unpacking left
    try:
        count = unpack(archive, new, asset.unpack, limit=2 * asset.unpacked)
        if asset.count is not None and count != asset.count:
            raise AssetError(f"{asset.name} unpacks to {count} pictures, expected {asset.count}")
        _install_folder(new, target)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    archive.unlink()


def _install_folder(new: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if is_there(target):
        raise AssetError(f"{target} appeared during the download and is left as it is")
    if target.is_dir():
        target.rmdir()  # Windows replaces no folder, not even an empty one
    os.replace(new, target)


def _write_record(path: Path, record: Mapping[str, str]) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    os.replace(new, path)
