"""The registry of data and weights: complete, honest about hashes, strict about the files that it finds."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import sharpstudy.assets as registry
from sharpstudy.assets import (
    ASSETS,
    AssetError,
    asset_named,
    check_asset,
    expected_sha256,
    fetch_asset,
    fetch_folder,
    find_asset,
    record_path,
    require_asset,
    size_text,
)
from sharpstudy.assets.listing import describe_asset, fetch_text, list_assets, list_text


@pytest.fixture
def folders(tmp_path, monkeypatch) -> tuple[Path, Path]:
    """An empty assets folder and an empty cache, which are all that is searched."""
    named, cache = tmp_path / "named", tmp_path / "cache"
    named.mkdir()
    monkeypatch.setenv("SHARPSTUDY_ASSETS", str(named))
    monkeypatch.setattr(registry, "cache_folder", lambda: cache)
    return named, cache


@pytest.fixture
def tiny(monkeypatch) -> registry.Asset:
    """A weight file of five bytes that stands in the registry under the name `fsrcnn-x2`."""
    asset = replace(ASSETS["fsrcnn-x2"], size=5, sha256=hashlib.sha256(b"bytes").hexdigest())
    monkeypatch.setitem(registry._BY_SPELLING, "fsrcnn-x2", asset)
    return asset


def put(folder: Path, asset: registry.Asset, data: bytes) -> Path:
    path = folder / asset.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_every_entry_is_well_formed():
    paths = [asset.path for asset in ASSETS.values()]
    assert len(set(paths)) == len(paths)
    for asset in ASSETS.values():
        assert asset.path.startswith(f"{asset.kind}/"), asset.name
        assert asset.size > 0
        assert asset.licence
        assert asset.origin
        for url in (*asset.urls, *(file.url for file in asset.files)):
            assert url.startswith("https://") or asset.sha256, f"{asset.name} comes unchecked over http"
        for digest in (asset.sha256, *(file.sha256 for file in asset.files)):
            assert digest is None or (len(digest) == 64 and set(digest) <= set("0123456789abcdef")), (
                asset.name
            )
        assert bool(asset.unpack) == (asset.unpacked > 0) == (asset.kind == "data" and bool(asset.urls)), (
            asset.name
        )


def test_a_hash_begins_with_the_prefix_that_the_publisher_put_into_the_file_name():
    with_prefix = [asset for asset in ASSETS.values() if asset.sha256_prefix]
    assert len(with_prefix) == 8
    for asset in with_prefix:
        assert f"-{asset.sha256_prefix}." in asset.urls[0]
        assert asset.sha256 is None or asset.sha256.startswith(asset.sha256_prefix)


def test_what_nobody_publishes_stays_unknown():
    unknown = {asset.name for asset in ASSETS.values() if asset.urls and asset.sha256 is None}
    assert unknown == {"swinir-s-x3", "swinir-noise15", "msrresnet-x4", "edsr-x2"}


def test_sizes_of_file_by_file_sets_add_up():
    for asset in ASSETS.values():
        if asset.files:
            assert asset.size == sum(file.size for file in asset.files), asset.name


@pytest.mark.parametrize("spelling", ["bsrgan", "BSRGAN", "BSRGAN.pth", "bsrgan.pth"])
def test_an_asset_answers_to_its_name_and_its_file(spelling):
    assert asset_named(spelling) is ASSETS["bsrgan"]


def test_underscores_and_hyphens_are_the_same():
    assert asset_named("div2k_train") is ASSETS["div2k-train"]
    assert asset_named("RLFN_x4.pth") is ASSETS["rlfn-x4"]
    assert asset_named("squeezenet1-1") is ASSETS["squeezenet1_1"]


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(AssetError, match=r"unknown data set or weight file 'kodak': did you mean kodak24"):
        find_asset("kodak")
    with pytest.raises(AssetError, match="--list"):
        find_asset("qqqqqq")


def test_the_named_folder_comes_before_the_cache(folders, tiny):
    named, cache = folders
    assert find_asset("fsrcnn-x2") is None
    in_cache = put(cache, tiny, b"bytes")
    assert find_asset("fsrcnn-x2") == in_cache
    in_named = put(named, tiny, b"bytes")
    assert find_asset("fsrcnn-x2") == in_named


def test_an_intact_copy_is_preferred_to_a_broken_one(folders, tiny):
    named, cache = folders
    put(named, tiny, b"bytez")
    in_cache = put(cache, tiny, b"bytes")
    assert require_asset("fsrcnn-x2") == in_cache


def test_an_empty_data_folder_is_not_a_data_set(folders):
    (folders[0] / "data" / "set5").mkdir(parents=True)
    assert find_asset("set5") is None
    (folders[0] / "data" / "set5" / "a.png").write_bytes(b"")
    assert require_asset("set5") == folders[0] / "data" / "set5"


def test_a_set_of_parts_is_here_when_all_parts_are(folders):
    for part, expected in (("train", None), ("valid", folders[0] / "data" / "div2k")):
        (folders[0] / "data" / "div2k" / part).mkdir(parents=True)
        (folders[0] / "data" / "div2k" / part / "a.png").write_bytes(b"")
        assert find_asset("div2k") == expected
    assert fetch_asset("div2k") == folders[0] / "data" / "div2k"
    assert ASSETS["div2k"].size == ASSETS["div2k-train"].size + ASSETS["div2k-valid"].size


def test_a_missing_asset_says_how_to_get_it(folders):
    with pytest.raises(AssetError) as caught:
        require_asset("bsrgan")
    for words in ("`sharpstudy fetch bsrgan`", "67.0 MB", "SHARPSTUDY_ASSETS", "weights/BSRGAN.pth"):
        assert words in str(caught.value)
    with pytest.raises(AssetError, match=r"no address to fetch from.*intel-iot-devkit"):
        require_asset("webcam_clips")
    with pytest.raises(AssetError, match="no address to fetch from"):
        fetch_asset("webcam_clips")


@pytest.mark.parametrize(
    ("data", "words"), [(b"bytes!", "expected 5 bytes, got 6"), (b"bytez", "expected sha256")]
)
def test_a_changed_weight_file_is_refused(folders, tiny, data, words):
    path = put(folders[0], tiny, data)
    with pytest.raises(AssetError) as caught:
        require_asset("fsrcnn-x2")
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_is_hashed_once_and_again_when_it_changes(folders, tiny, monkeypatch):
    path = put(folders[0], tiny, b"bytes")
    hashed = []
    real = registry.file_sha256
    monkeypatch.setattr(registry, "file_sha256", lambda path: hashed.append(path) or real(path))
    assert require_asset("fsrcnn-x2") == require_asset("fsrcnn-x2") == path
    assert hashed == [path]
    path.write_bytes(b"bytez")
    with pytest.raises(AssetError):
        require_asset("fsrcnn-x2")
    assert hashed == [path, path]


def test_a_recorded_hash_holds_and_a_prefix_holds_without_one(tmp_path):
    asset = replace(ASSETS["edsr-x2"], sha256_prefix=hashlib.sha256(b"bytes").hexdigest()[:8])
    path = put(tmp_path, asset, b"bytes")
    assert expected_sha256(asset, path) == asset.sha256_prefix
    check_asset(asset, path)
    record_path(path).write_text(json.dumps({"sha256": "0" * 64}))
    assert expected_sha256(asset, path) == "0" * 64
    path.write_bytes(b"other")
    with pytest.raises(AssetError, match="expected sha256 0000"):
        check_asset(asset, path)


def test_sizes_read_as_people_write_them():
    asset = ASSETS["bsrgan"]
    assert size_text(asset) == "67.0 MB"
    assert size_text(replace(asset, size=3_530_603_713)) == "3.53 GB"
    assert size_text(replace(asset, size=38_973)) == "0.04 MB"
    assert size_text(replace(asset, size_is="about")) == "about 67.0 MB"


def test_downloads_go_to_the_named_folder_when_it_can_be_written_to(folders, monkeypatch, tmp_path):
    named, cache = folders
    assert fetch_folder() == named
    assert list(named.iterdir()) == []
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("SHARPSTUDY_ASSETS", str(tmp_path / "file" / "below"))
    assert fetch_folder() == cache


def test_the_list_has_a_line_for_each_asset_and_fits_the_width(folders, tiny):
    put(folders[0], tiny, b"bytes")
    rows = {row.name: row for row in list_assets()}
    assert list(rows) == list(ASSETS)
    assert rows["fsrcnn-x2"].here == "assets"
    assert rows["bsrgan"].here == "no"
    assert rows["webcam_clips"].here == "by hand"
    assert rows["edsr-x2"].size == "~162.9 MB*"
    lines = list_text().splitlines()
    table = lines[: len(ASSETS) + 2]
    assert max(map(len, table)) <= 110
    assert [line.split()[0] for line in table[2:]] == list(ASSETS)
    start = lines[0].index("what for")
    assert all(line[start - 1] == " " and line[start] != " " for line in table)


def test_a_description_states_licence_address_and_check():
    text = describe_asset("div2k-train")
    assert "research only" in text
    assert "https://data.vision.ee.ethz.ch/cvl/DIV2K/DIV2K_train_HR.zip" in text
    assert "9d0b9c463f6e35b6c62cc6a930ee2224f670b34c1df841a57670f9acf0f6c335" in text
    assert "not yet recorded, begins with 0edfb8a3; recorded on first download" in describe_asset("edsr-x2")
    assert "a sha256 for each of the 24 files" in describe_asset("kodak24")
    assert "differs from the upstream file" in describe_asset("squeezenet1_1-fp16")


def test_what_is_here_is_not_fetched_again(folders, tiny):
    path = put(folders[0], tiny, b"bytes")
    assert fetch_asset("fsrcnn-x2") == path
    assert fetch_text("fsrcnn-x2") == f"fsrcnn-x2 is already at {path}"


def test_import_and_search_need_no_network_library():
    code = (
        "import sys, sharpstudy.assets as a, sharpstudy.assets.listing;"
        "a.cache_folder = lambda: a.Path('nowhere'); a.find_asset('set5');"
        "heavy = {'requests', 'urllib3', 'tqdm', 'filelock', 'platformdirs', 'torch'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_search_works_without_platformdirs(folders, tiny, monkeypatch):
    def no_platformdirs() -> Path:
        raise ModuleNotFoundError("No module named 'platformdirs'")

    monkeypatch.setattr(registry, "cache_folder", no_platformdirs)
    path = put(folders[0], tiny, b"bytes")
    assert find_asset("fsrcnn-x2") == path
    assert find_asset("bsrgan") is None


def test_the_real_weights_are_the_ones_in_the_list(assets):
    present = [
        asset for asset in ASSETS.values() if asset.kind == "weights" and (assets / asset.path).is_file()
    ]
    if not present:
        pytest.skip("the assets folder holds no weights")
    for asset in present:
        check_asset(asset, assets / asset.path)


def test_the_real_data_published_file_by_file_are_the_ones_in_the_list(assets):
    for name in ("set5", "set5_lr_x4_matlab", "set14_lr_x4_matlab"):
        folder = assets / ASSETS[name].path
        if folder.is_dir():
            found = {path.name: registry.file_sha256(path) for path in folder.iterdir()}
            assert found == {file.name: file.sha256 for file in ASSETS[name].files}
