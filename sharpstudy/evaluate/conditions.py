"""The frames of the protocol: a recipe's own degradation, others', clean frames, pages of text, and clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sharpstudy.data.degrade import Degradation, degrade, degrade_clip, parse_degradation, small_frame
from sharpstudy.data.pairs import PairEntry, PairStore, prepare_pairs
from sharpstudy.data.prepare import Work, frame_seed, make_item, read_run, scale_of
from sharpstudy.data.references import Reference
from sharpstudy.data.sources import select_balanced
from sharpstudy.evaluate.frames import CLEAN, ClipSet, EvalClip, EvalFrame, FrameRow, FrameSet
from sharpstudy.evaluate.settings import EvalSettings
from sharpstudy.recipes import Recipe

Spec = Degradation | str | Mapping[str, object]

REDRAWS = 4  # further draws for a frame that a degradation of many kinds left as it is
PAGE_SIZES = (12, 16, 22)  # of text, in pixels


def degradation_name(recipe: Recipe) -> str:
    """What tables call a recipe's degradation: its registered name, or the recipe's own."""
    return recipe.degradation if isinstance(recipe.degradation, str) else f"{recipe.name}-own"


def degraded_set(
    references: Sequence[Reference],
    degradation: Spec,
    folder: Path,
    settings: EvalSettings,
    name: str | None = None,
    count: int = 0,
    metrics: tuple[str, ...] = (),
    progress: Callable[[int, int], None] | None = None,
) -> FrameSet:
    """The references under one degradation, `count` of them in the study's proportions (0: all).

    Degraded frames are stored in `folder` as `prepare_pairs` does, which notebooks may share. A draw that
    leaves a frame as it is belongs to clean_set, because doing nothing then has an infinite PSNR: it is drawn
    again, and the frame is left out where nothing else comes.
    """
    known, name = _settings_of(degradation), _name_of(degradation, name)
    if known == _settings_of(CLEAN):
        raise ValueError("degradation: expected one that changes frames, got clean; clean_set is for those")
    taken = select_balanced(references, count) if count else list(references)
    store = prepare_pairs(taken, known, settings.seed, folder, progress=progress)
    chosen, lost = _changed_pairs(store, taken, known, settings.seed, folder)
    by_name = {reference.frame: reference for reference in taken}
    work = Work(Path(folder), known, settings.seed)

    def load(index: int) -> EvalFrame:
        entry = chosen.entries[index]
        item = make_item(work, by_name[entry.frame], entry.variant)
        return _eval_frame(chosen, index, name, known, item.seed)

    note = f"{lost} frames left out that no draw changed" if lost else ""
    return FrameSet(name, tuple(_row(entry) for entry in chosen.entries), load, metrics=metrics, note=note)


def clean_set(references: Sequence[Reference], settings: EvalSettings, count: int = 0) -> FrameSet:
    """The references as they are: whatever a model changes in them is harm."""
    taken = select_balanced(references, count) if count else list(references)

    def load(index: int) -> EvalFrame:
        one = taken[index]
        frame = one.load()
        return EvalFrame(one.frame, one.clip, one.category, CLEAN, frame, frame)

    rows = tuple(FrameRow(one.frame, one.clip, one.category, one.width, one.height) for one in taken)
    return FrameSet(CLEAN, rows, load, metrics=settings.brief_metrics)


def text_set(degradation: Spec, settings: EvalSettings, name: str | None = None) -> FrameSet:
    """Rendered pages whose text is known, under one degradation: judged by what tesseract still reads.

    Prose and codes, light and dark, 12, 16 and 22 pixels in turn; 12 pages have one of each.
    """
    from sharpstudy.data.screens import render_page

    known, name = _settings_of(degradation), _name_of(degradation, name)
    kinds = [(i // 2 % 2, i % 2, PAGE_SIZES[(i // 4 + i) % 3], i // 12) for i in range(settings.text_pages)]
    size = (settings.page_width, settings.page_height)
    labels = [
        f"page-{('prose', 'codes')[content]}-{('light', 'dark')[theme]}-{pixels}px-{seed}"
        for content, theme, pixels, seed in kinds
    ]

    def load(index: int) -> EvalFrame:
        content, theme, pixels, seed = kinds[index]
        page = render_page(seed, *size, pixels, ("light", "dark")[theme], ("prose", "codes")[content])
        label, chance = labels[index], frame_seed(settings.seed, labels[index], 0)
        frame = _degraded(label, label, "text", name, page.frame, known, chance)
        return replace(frame, text="\n".join(page.lines))

    rows = tuple(FrameRow(label, label, "text", *size) for label in labels)
    return FrameSet(name, rows, load, part="whole", metrics=("cer",))


def clip_set(
    references: Sequence[Reference], degradation: Spec, settings: EvalSettings, name: str | None = None
) -> ClipSet:
    """The recordings that the references were taken from, a few seconds of each, degraded as one stream.

    Two recordings of one scene count as one: the first is taken. Empty where the references are pictures.
    """
    from sharpstudy.data.clips import probe_clip

    known, name = _settings_of(degradation), _name_of(degradation, name)
    clips = {one.clip: one for one in reversed(references) if one.recording is not None}
    taken = [clips[clip] for clip in sorted(clips)] if settings.clip_seconds else []

    def load(index: int) -> EvalClip:
        one = taken[index]
        path = one.recording.path
        count = max(2, round(settings.clip_seconds * probe_clip(path).fps))
        frames = read_run(path, 0, count)
        chance = frame_seed(settings.seed, f"{one.source}/{path.name}", 0)
        degraded = degrade_clip(frames, known, chance)
        facts = (one.clip, one.clip, one.category, name)
        pairs = zip(frames, degraded, strict=True)
        return EvalClip(
            one.clip, one.category, tuple(_with_small(facts, *pair, known, chance) for pair in pairs)
        )

    rows = tuple(FrameRow(one.clip, one.clip, one.category, one.width, one.height) for one in taken)
    return ClipSet(name, rows, load)


def _settings_of(degradation: Spec) -> Degradation:
    return degradation if isinstance(degradation, Degradation) else parse_degradation(degradation)


def _name_of(degradation: Spec, name: str | None) -> str:
    if name is None and not isinstance(degradation, str):
        raise ValueError("name: expected one for a degradation that is given by its settings, got none")
    return degradation if name is None else name


def _changed_pairs(
    store: PairStore, references: Sequence[Reference], known: Degradation, seed: int, folder: Path
) -> tuple[PairStore, int]:
    """One pair for each reference whose degraded frame differs from it, and how many have none."""
    chosen = {entry.frame: entry for at, entry in enumerate(store.entries) if not _same(store, at)}
    same = [one for one in references if one.frame not in chosen]
    if same:
        again = prepare_pairs(same, known, seed, folder, 1 + REDRAWS)
        for at, entry in enumerate(again.entries):
            if entry.frame not in chosen and not _same(again, at):
                chosen[entry.frame] = entry
    entries = [chosen[one.frame] for one in references if one.frame in chosen]
    return PairStore(store.folder, entries), len(references) - len(entries)


def _same(store: PairStore, index: int) -> bool:
    pair = store.pair(index)
    return np.array_equal(pair.reference, pair.degraded)


def _row(entry: PairEntry) -> FrameRow:
    return FrameRow(entry.frame, entry.clip, entry.category, entry.width, entry.height)


def _eval_frame(store: PairStore, index: int, name: str, known: Degradation, seed: int) -> EvalFrame:
    """The frames of a pair, read into memory so that no file stays mapped."""
    entry, pair = store.entries[index], store.pair(index)
    reference, degraded = np.array(pair.reference), np.array(pair.degraded)
    small = np.array(pair.small) if pair.small is not None else None
    facts = (entry.frame, entry.clip, entry.category, name)
    return EvalFrame(*facts, reference, degraded, small, entry.scale, settings=known, seed=seed)


def _degraded(
    frame: str, clip: str, category: str, name: str, reference: np.ndarray, known: Degradation, seed: int
) -> EvalFrame:
    degraded = degrade(reference, known, seed)
    return _with_small((frame, clip, category, name), reference, degraded, known, seed)


def _with_small(
    facts: tuple[str, str, str, str],
    reference: np.ndarray,
    degraded: np.ndarray,
    known: Degradation,
    seed: int,
) -> EvalFrame:
    scale = scale_of(known) or 1
    small = small_frame(reference, known, seed) if scale > 1 else None
    return EvalFrame(*facts, reference, degraded, small, scale, settings=known, seed=seed)
