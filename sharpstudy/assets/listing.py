"""What `sharpstudy fetch` says: the list of assets, one asset in detail, and the outcome of a fetch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sharpstudy.assets import (
    ASSETS,
    Asset,
    Place,
    Progress,
    asset_named,
    fetch_asset,
    holds,
    present_asset,
    record_path,
    search_folders,
    size_text,
)


@dataclass(frozen=True)
class AssetRow:
    """One line of the list; `here` names the folder that has the asset, or says that none has it."""

    name: str
    kind: str
    size: str
    licence: str
    here: Place | Literal["no", "by hand"]
    purpose: str


def list_assets() -> list[AssetRow]:
    """All assets in the order of the list; nothing is read but names, so files are not checked here."""
    folders = search_folders()
    rows = []
    for asset in ASSETS.values():
        absent = "no" if asset.can_be_fetched else "by hand"
        here = next((place for place, folder in folders.items() if holds(folder, asset)), absent)
        rows.append(AssetRow(asset.name, asset.kind, _size(asset), asset.licence, here, asset.purpose))
    return rows


def _size(asset: Asset) -> str:
    unrecorded = bool(asset.urls) and asset.sha256 is None
    return size_text(asset).replace("about ", "~") + ("*" if unrecorded else "")


def list_text() -> str:
    """The list as aligned text of at most 110 columns, and below it what its words mean."""
    heads = ("name", "kind", "size", "licence", "here", "what for")
    rows = [heads, *((r.name, r.kind, r.size, r.licence, r.here, r.purpose) for r in list_assets())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    rows.insert(1, tuple("-" * width for width in widths))
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    folders = search_folders()
    legend = (
        f"assets   {folders.get('assets', 'SHARPSTUDY_ASSETS is not set')}",
        f"cache    {folders.get('cache', 'platformdirs is not installed')}",
        "by hand  no address is known: `sharpstudy fetch NAME` says where the files come from",
        "~        about: the exact size is not published",
        "*        sha256 not yet recorded: recorded on first download, later ones are held to it",
    )
    return "\n".join([*lines, "", *legend])


def describe_asset(name: str) -> str:
    """What a fetch would bring, a line each: size, licence, origin, address, check, note."""
    asset = asset_named(name)
    addresses = asset.urls[:1] or tuple(file.url for file in asset.files) or asset.parts or ("none",)
    more = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
    lines = [
        f"{asset.name}: {asset.purpose}",
        f"  size     {size_text(asset)}",
        f"  licence  {asset.licence}",
        f"  origin   {asset.origin}",
        f"  address  {addresses[0]}{more}",
        f"  check    {_check(asset)}",
    ]
    return "\n".join([*lines, *([f"  note     {asset.note}"] if asset.note else [])])


def _check(asset: Asset) -> str:
    """How the bytes are checked, in words."""
    if asset.files:
        return f"a sha256 for each of the {len(asset.files)} files"
    if asset.sha256:
        return f"sha256 {asset.sha256}"
    if not asset.urls:
        return "as its parts are" if asset.parts else "none"
    prefix = f", begins with {asset.sha256_prefix}" if asset.sha256_prefix else ""
    return f"sha256 not yet recorded{prefix}; recorded on first download"


def fetch_text(name: str, into: Path | None = None, progress: Progress = "bar") -> str:
    """Fetch an asset; one sentence says where it is and whether it was there already."""
    asset = asset_named(name)
    present = present_asset(name, into)
    if present is not None:
        return f"{asset.name} is already at {present}"
    path = fetch_asset(name, into, progress)
    record = record_path(path)
    recorded = f"; no sha256 is published, so its own is recorded in {record.name}" if record.exists() else ""
    return f"{asset.name} is at {path}{recorded}"
