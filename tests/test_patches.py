"""Patches of prepared pairs against crops of the stored frames; determinism, sharding, speed."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from sharpstudy.data import patches as patches_module
from sharpstudy.data import prepare
from sharpstudy.data.degrade import DownUp, degrade
from sharpstudy.data.entries import write_entry
from sharpstudy.data.frames import to_tensor
from sharpstudy.data.pairs import PairStore, Patches, prepare_pairs
from sharpstudy.data.patches import turned, turned_back, uniforms, weights
from sharpstudy.data.references import Reference
from sharpstudy.patch_speed import benchmark_patches, feeding_table, smallest_student
from tests.material import SIZES, made, picture


@pytest.fixture
def references() -> list[Reference]:
    return [made(seed, size) for seed, size in enumerate(SIZES)]


@pytest.fixture
def store(references, tmp_path) -> PairStore:
    store = prepare_pairs(references, "bicubic-x4", 0, tmp_path / "pairs")
    for entry in store.entries:
        write_entry(tmp_path / "targets" / f"{entry.name}.npy", picture(99, entry.width, entry.height))
    return store.with_targets(tmp_path / "targets")


def upright(patch: torch.Tensor, symmetry: int) -> np.ndarray:
    """The uint8 HxWx3 patch before it was turned."""
    frame = (patch.numpy().transpose(1, 2, 0) * 255).round().astype(np.uint8)
    return turned_back(frame, symmetry)


def test_patches_are_aligned_crops_under_one_symmetry(store):
    patches = Patches(store, 32, 64, seed=5, parts=("reference", "degraded", "small", "target"))
    batch, places = patches.batch(3), patches.places(range(3 * 64, 4 * 64))
    assert {tuple(tensor.shape) for part, tensor in batch.items() if part != "small"} == {(64, 3, 32, 32)}
    assert {tensor.dtype for tensor in batch.values()} == {torch.float32}
    assert {place.symmetry for place in places} == set(range(8))
    assert {place.pair for place in places} == set(range(4))
    for k, place in enumerate(places):
        pair, entry = store.pair(place.pair), store.entries[place.pair]
        assert 0 <= place.top <= entry.height - 32
        assert place.top % 4 == place.left % 4 == 0
        for part, step in (("reference", 1), ("degraded", 1), ("target", 1), ("small", 4)):
            top, left, side = place.top // step, place.left // step, 32 // step
            crop = getattr(pair, part)[top : top + side, left : left + side]
            np.testing.assert_array_equal(upright(batch[part][k], place.symmetry), crop)
            exact = to_tensor(np.ascontiguousarray(turned(crop, place.symmetry)))
            assert torch.equal(batch[part][k], exact)


def test_patches_are_cut_after_degradation_not_before(store):
    patches = Patches(store, 32, 16, seed=5, symmetry="none")
    batch, places = patches.batch(0), patches.places(range(16))
    assert {place.symmetry for place in places} == {0}
    for k, place in enumerate(places):
        seed = prepare.frame_seed(0, store.entries[place.pair].frame, 0)
        whole = degrade(np.array(store.pair(place.pair).reference), DownUp(4), seed)
        crop = whole[place.top : place.top + 32, place.left : place.left + 32]
        np.testing.assert_array_equal(upright(batch["degraded"][k], 0), crop)
        alone = degrade(upright(batch["reference"][k], 0).copy(), DownUp(4), seed)
        assert not np.array_equal(alone, crop)


def test_every_corner_is_reached(store):
    one = PairStore(store.folder, [store.entries[3]])  # 67 x 65
    places = Patches(one, 64, 1, seed=0, symmetry="none").places(range(400))
    assert {(place.top, place.left) for place in places} == {(t, left) for t in range(2) for left in range(4)}
    exact = Patches(one, 65, 1, seed=0).places(range(50))
    assert {place.top for place in exact} == {0}


def test_symmetries_are_the_eight_of_the_square():
    patch = np.arange(27).reshape(3, 3, 3)
    expected = [patch, patch.transpose(1, 0, 2), patch[::-1], patch[:, ::-1], patch[::-1, ::-1]]
    expected += [patch.transpose(1, 0, 2)[::-1], patch.transpose(1, 0, 2)[:, ::-1]]
    expected += [patch.transpose(1, 0, 2)[::-1, ::-1]]
    assert {turned(patch, s).tobytes() for s in range(8)} == {one.tobytes() for one in expected}
    np.testing.assert_array_equal(turned(patch, 1), np.rot90(patch))
    for s in range(8):
        np.testing.assert_array_equal(turned_back(turned(patch, s), s), patch)


def test_patch_depends_on_seed_and_number_alone(store):
    patches = Patches(store, 32, 4, seed=1)
    together = patches.take(range(20))
    for index in (0, 7, 19):
        alone = Patches(store, 32, 16, seed=1)[index]
        assert all(torch.equal(alone[part], together[part][index]) for part in together)
    other = Patches(store, 32, 4, seed=2).take(range(20))
    assert not torch.equal(other["reference"], together["reference"])


def test_ranks_share_a_step_without_overlap(store):
    alone = Patches(store, 32, 12, seed=1).batch(5)
    ranks = [Patches(store, 32, 4, seed=1).batch(5, rank, 3) for rank in range(3)]
    assert torch.equal(torch.cat([batch["degraded"] for batch in ranks]), alone["degraded"])
    with pytest.raises(ValueError, match="rank: expected 0 to 2, got 3"):
        Patches(store, 32, 4, seed=1).batch(0, 3, 3)


def test_all_ways_of_reading_agree(store):
    patches = Patches(store, 32, 4, seed=1, steps=6)
    direct = [patches.batch(step) for step in range(6)]
    resumed = list(patches.batches(first=2, threads=2))
    loaded = list(DataLoader(patches, batch_size=4, num_workers=1))
    assert len(patches) == 24
    assert (len(resumed), len(loaded)) == (4, 6)
    for part in ("reference", "degraded", "target"):
        assert torch.equal(torch.stack([b[part] for b in direct]), torch.stack([b[part] for b in loaded]))
        assert torch.equal(
            torch.stack([b[part] for b in direct[2:]]), torch.stack([b[part] for b in resumed])
        )
    with pytest.raises(IndexError):
        patches[24]


@pytest.mark.parametrize("kept", [0, 120_000])
def test_frames_in_memory_and_frames_on_disk_give_the_same_patches(store, monkeypatch, kept):
    straight = Patches(store, 32, 64, seed=1).batch(0)
    monkeypatch.setattr(patches_module, "KEPT", kept)
    patches = Patches(store, 32, 64, seed=1)
    kinds = {type(rows).__name__ for part in patches._rows.values() for rows in part}
    assert kinds == ({"Rows", "KeptRows"} if kept else {"Rows"})
    assert all(torch.equal(part, straight[name]) for name, part in patches.batch(0).items())


def test_a_reader_that_stops_early_leaves_no_thread(store):
    import threading

    batches = Patches(store, 32, 4, seed=1).batches()
    next(batches)
    before = threading.active_count()
    batches.close()
    assert threading.active_count() == before - 1


def test_draws_are_splitmix64():
    mask = 2**64 - 1

    def splitmix(state: int) -> float:
        z = state & mask
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
        return ((z ^ (z >> 31)) >> 11) / 2**53

    counters = np.array([0, 1, 5, 2**40], np.uint64)
    seed = 2**64 - 3
    drawn = uniforms(seed, counters, 4)
    for row, counter in zip(drawn, counters.tolist(), strict=True):
        expected = [splitmix(seed + (counter * 4 + column + 1) * 0x9E3779B97F4A7C15) for column in range(4)]
        assert row.tolist() == expected
    # The first output of the published generator seeded with 1234567.
    assert uniforms(1234567, np.array([0], np.uint64), 1)[0, 0] == (6457827717110365317 >> 11) / 2**53
    many = uniforms(9, np.arange(20_000, dtype=np.uint64), 4)
    assert np.abs(np.corrcoef(many.T) - np.eye(4)).max() < 0.03
    assert np.abs(many.mean(0) - 0.5).max() < 0.01


def test_frames_are_drawn_by_category_clip_and_area(tmp_path):
    references = [
        made(1, (80, 40), "people", "talk"),
        made(2, (80, 40), "people", "talk"),
        made(3, (40, 40), "people"),
    ]
    references += [made(4, (40, 40), "text"), made(5, (40, 40), "slides")]
    store = prepare_pairs(references, "clean", 0, tmp_path)
    people, text, slides = 0.25 / 0.65, 0.20 / 0.65, 0.20 / 0.65
    expected = [people / 3, people / 3, people / 3, text, slides]
    np.testing.assert_allclose(weights(store, "category"), expected)
    np.testing.assert_allclose(weights(store, "area"), np.array([2, 2, 1, 1, 1]) / 7)
    patches = Patches(store, 32, 1, seed=3)
    counts = Counter(place.pair for place in patches.places(range(20_000)))
    np.testing.assert_allclose([counts[i] / 20_000 for i in range(5)], expected, atol=0.012)


def test_float_targets_are_taken_as_they_are(store, tmp_path, rng):
    values = {}
    for entry in store.entries:
        values[entry.name] = rng.random((entry.height, entry.width, 3)).astype(np.float16)
        write_entry(tmp_path / "half" / f"{entry.name}.npy", values[entry.name])
    patches = Patches(store.with_targets(tmp_path / "half"), 32, 8, seed=0)
    batch = patches.batch(0)
    for k, place in enumerate(patches.places(range(8))):
        whole = values[store.entries[place.pair].name].astype(np.float32)
        crop = whole[place.top : place.top + 32, place.left : place.left + 32]
        np.testing.assert_array_equal(
            batch["target"][k].numpy().transpose(1, 2, 0), turned(crop, place.symmetry)
        )


def test_patches_refuse_what_cannot_be(store, tmp_path):
    with pytest.raises(
        ValueError, match=r"1 of 4 frames are smaller than 65 .* 'frame-000' with 96x64; choose a smaller"
    ):
        Patches(store, 65, 4, seed=0)
    with pytest.raises(ValueError, match="multiple of one scale of small frames, got 30"):
        Patches(store, 30, 4, seed=0, parts=("small", "reference"))
    with pytest.raises(ValueError, match="balance: expected one of"):
        Patches(store, 32, 4, seed=0, balance="fair")
    with pytest.raises(ValueError, match="parts: expected some of"):
        Patches(store, 32, 4, seed=0, parts=("hr",))
    with pytest.raises(ValueError, match="store: expected at least one pair"):
        Patches(store.part("test"), 32, 4, seed=0)
    blurred = prepare_pairs([made(1)], "blur", 0, tmp_path / "blur")
    with pytest.raises(ValueError, match="not every pair has a small frame"):
        Patches(blurred, 32, 4, seed=0, parts=("small",))
    with pytest.raises(ValueError, match="this store has no targets"):
        Patches(blurred, 32, 4, seed=0, parts=("target",))


def test_a_file_cut_short_while_training_is_named(store):
    patches = Patches(store, 32, 4, seed=0)
    path = store.folder / store.entries[1].degraded
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=f"{path.name}: expected .* bytes from row"):
        patches.take(range(200))


def test_preparing_needs_no_torch():
    code = "import sys, sharpstudy.data.pairs, sharpstudy.data.sources; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert patches_module.Patches is Patches


@pytest.fixture
def one_thread():
    """On a busy machine a pool of threads waits for its slowest."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_the_table_of_speeds_has_every_way_and_a_ratio_to_the_student(store):
    patches = Patches(store, 64, 16, seed=0)
    assert sum(p.numel() for p in smallest_student().parameters()) == 18_528
    table = feeding_table(patches, steps=4, rounds=1).set_index("way")
    assert set(table.index) == {"calls", "threads", "processes", "student"}
    assert (table["ratio"] * table.loc["student", "patches_per_s"]).to_list() == pytest.approx(
        table["patches_per_s"].to_list()
    )
    with pytest.raises(ValueError, match="way: expected one of"):
        benchmark_patches(patches, way="magic")
