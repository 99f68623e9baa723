"""Video files through the sharpener: what is kept, what is reported, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sharpstudy.data.clips import probe_clip, read_clip, write_clip
from sharpstudy.data.files import FrameError
from sharpstudy.runtime import Sharpener
from sharpstudy.runtime.video import VideoSettings, sharpen_video, video_target
from tests.picture_tools import moving, numbers
from tests.test_clip_source import turned
from tests.using_tools import MARK, beep_times, flash_times, sharper, write_beeps_and_flashes

av = pytest.importorskip("av")

SAME = VideoSettings(crf=0, preset="ultrafast")


def unchanged(frame: np.ndarray) -> np.ndarray:
    return frame


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_sound_stays_in_step_with_the_picture(tmp_path, suffix):
    write_beeps_and_flashes(tmp_path / "a.mp4", 30)
    report = sharpen_video(tmp_path / "a.mp4", tmp_path / f"b{suffix}", unchanged, SAME)
    assert (report.frames, report.ended, report.breaks, report.notes) == (900, "whole", (), ())
    flashes, beeps = flash_times(tmp_path / f"b{suffix}"), beep_times(tmp_path / f"b{suffix}")
    assert len(flashes) == len(beeps) == 29
    assert np.abs(np.diff(flashes) - 1).max() < 0.002  # Matroska may move both by the sound's lead-in
    assert np.abs(flashes - beeps).max() < 0.020


@pytest.mark.slow
def test_half_a_minute_of_a_real_call_is_sharpened_with_its_sound_in_step(assets, tmp_path):
    call = [one.frame[::2, ::2] for one in read_clip(assets / "data" / "webcam_clips" / "bird.mkv")]
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_beeps_and_flashes(source, 30, size=(320, 240), pictures=call)
    with Sharpener(bypass="off") as sharpener:
        report = sharpener.video(source, target)
    assert (report.frames, report.ended, report.breaks, report.notes) == (900, "whole", (), ())
    before, after = probe_clip(source), probe_clip(target)
    assert after.frames == before.frames == 900
    assert after.duration_s == pytest.approx(before.duration_s, abs=0.001)
    flashes, beeps = flash_times(target), beep_times(target)
    assert len(flashes) == len(beeps) == 29
    assert np.abs(flashes - beeps).max() < 0.020
    assert np.ptp((flashes - beeps)[[0, -1]]) < 0.001  # nothing has drifted by the end
    pairs = list(zip(read_clip(source), read_clip(target), strict=True))
    assert [a.time_s for a, _ in pairs] == pytest.approx([b.time_s for _, b in pairs], abs=0.001)
    changed = [np.abs(a.frame.astype(int) - b.frame)[MARK:].mean() for a, b in pairs[::90]]
    assert 0.3 < min(changed) <= max(changed) < 8  # other pixels, of the same pictures


def test_sound_of_another_length_of_block_is_copied_to_the_byte(tmp_path):
    write_beeps_and_flashes(tmp_path / "a.mkv", 3, audio="libopus")
    sharpen_video(tmp_path / "a.mkv", tmp_path / "b.webm", unchanged)
    sounds = []
    for name in ("a.mkv", "b.webm"):
        with av.open(str(tmp_path / name)) as read:
            sounds.append([bytes(packet) for packet in read.demux(audio=0) if packet.size])
    assert len(sounds[0]) > 100
    assert sounds[0] == sounds[1]


def with_words(path: Path) -> Path:
    """A Matroska file with subtitles, a chapter, a title and a language, two seconds long."""
    text = path.with_suffix(".srt")
    text.write_text("1\n00:00:00,500 --> 00:00:01,000\nhello\n\n2\n00:00:01,200 --> 00:00:01,500\nworld\n")
    with av.open(str(path), "w") as out, av.open(str(text)) as words:
        out.metadata["title"] = "a call"
        video = out.add_stream("libx264", 30)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        video.metadata["language"] = "swe"
        stream = out.add_stream_from_template(words.streams[0])
        stream.metadata["language"] = "fin"
        if hasattr(out, "set_chapters"):
            title = {"title": "opening"}
            chapter = {"id": 1, "start": 0, "end": 1000, "time_base": Fraction(1, 1000), "metadata": title}
            out.set_chapters([chapter])
        for number, frame in enumerate(moving(20)):
            picture = av.VideoFrame.from_ndarray(frame)
            picture.pts, picture.time_base = number, Fraction(1, 10)
            out.mux(video.encode(picture))
        for packet in words.demux():
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
        out.mux(video.encode(None))
    return path


def test_subtitles_chapters_and_metadata_are_kept(tmp_path):
    source, target = with_words(tmp_path / "a.mkv"), tmp_path / "b.mkv"
    assert sharpen_video(source, target, unchanged).notes == ()
    with av.open(str(target)) as read:
        assert read.metadata["title"] == "a call"
        assert [stream.type for stream in read.streams] == ["video", "subtitle"]
        assert [stream.metadata["language"] for stream in read.streams] == ["swe", "fin"]
        if hasattr(read, "chapters"):
            assert [one["metadata"]["title"] for one in read.chapters()] == ["opening"]
        words = [(bytes(one), float(one.pts * one.time_base)) for one in read.demux(subtitles=0) if one.size]
    assert words == [(b"hello", 0.5), (b"world", 1.2)]


def test_what_a_container_cannot_hold_is_said(tmp_path):
    report = sharpen_video(with_words(tmp_path / "a.mkv"), tmp_path / "b.mp4", unchanged)
    assert len(report.notes) == 1
    assert "subtitle stream 1" in report.notes[0]
    assert ".mp4 cannot hold it" in report.notes[0]
    assert len(list(read_clip(tmp_path / "b.mp4"))) == 20


def test_a_variable_rate_is_kept(tmp_path):
    times = [0.5, 0.52, 0.6, 0.65, 0.9, 0.95, 1.5, 2.25]
    write_clip(tmp_path / "a.mp4", moving(8), times=times)
    sharpen_video(tmp_path / "a.mp4", tmp_path / "b.mp4", unchanged)
    items = list(read_clip(tmp_path / "b.mp4"))
    assert [item.time_s for item in items] == pytest.approx(times, abs=1e-4)
    assert numbers(items) == list(range(8))


@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("colour_range", ["limited", "full"])
def test_colours_and_their_tags_are_kept(tmp_path, matrix, colour_range):
    words = {"matrix": matrix, "colour_range": colour_range, "chroma": "444", "crf": 0}
    write_clip(tmp_path / "a.mp4", moving(3), **words)
    sharpen_video(tmp_path / "a.mp4", tmp_path / "b.mp4", unchanged, SAME)
    before, after = (probe_clip(tmp_path / name) for name in ("a.mp4", "b.mp4"))
    assert (after.colour, after.pixel_format) == (before.colour, before.pixel_format)
    pairs = zip(read_clip(tmp_path / "a.mp4"), read_clip(tmp_path / "b.mp4"), strict=True)
    differences = [np.abs(a.frame.astype(int) - b.frame) for a, b in pairs]
    assert np.max(differences) <= 3
    assert np.mean(differences) < 0.6


def test_a_turned_video_comes_out_upright(tmp_path):
    write_clip(tmp_path / "a.mp4", moving(3), crf=0)
    source = turned(tmp_path / "a.mp4", (0, 1, -1, 0))
    sharpen_video(source, tmp_path / "b.mp4", unchanged, SAME)
    info = probe_clip(tmp_path / "b.mp4")
    assert (info.width, info.height, info.rotation) == (64, 96, 0)
    first, expected = next(read_clip(tmp_path / "b.mp4")).frame, next(read_clip(source)).frame
    assert np.abs(first.astype(int) - expected).mean() < 2


def test_frames_are_restored_and_the_split_leaves_the_left_half_raw(tmp_path):
    write_clip(tmp_path / "a.mkv", moving(3), codec="ffv1")
    raw = next(read_clip(tmp_path / "a.mkv")).frame
    for show in ("restored", "split"):
        sharpen_video(
            tmp_path / "a.mkv", tmp_path / f"{show}.mkv", lambda frame: 255 - frame, SAME, show=show
        )
        shown = next(read_clip(tmp_path / f"{show}.mkv")).frame.astype(int)
        left, right = (255 - raw if show == "restored" else raw)[:, 10:40], (255 - raw)[:, 55:]
        assert np.abs(shown[:, 10:40] - left).mean() < 4
        assert np.abs(shown[:, 55:] - right).mean() < 4


def test_damage_is_reported_with_its_time_and_the_rest_goes_on(tmp_path, rng):
    frames = [rng.integers(0, 256, (64, 96, 3), np.uint8) for _ in range(10)] * 30
    write_clip(tmp_path / "a.mp4", frames)
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    middle, length = len(data) // 2, len(data) // 50
    data[middle : middle + length] = bytes(length)
    (tmp_path / "broken.mp4").write_bytes(data)
    report = sharpen_video(tmp_path / "broken.mp4", tmp_path / "b.mp4", unchanged, SAME)
    assert len(report.breaks) >= 1
    assert 3 < report.breaks[0].time_s < 7
    assert 200 < report.frames < 300
    assert [item.time_s for item in read_clip(tmp_path / "b.mp4")][-1] == pytest.approx(299 / 30, abs=0.002)
    assert f"damaged at {report.breaks[0].time_s:.2f} s" in str(report)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_video_that_is_cut_short_gives_what_there_is(tmp_path, suffix):
    write_clip(tmp_path / f"a{suffix}", moving(20), crf=0)
    data = (tmp_path / f"a{suffix}").read_bytes()
    (tmp_path / f"cut{suffix}").write_bytes(data[: len(data) * 6 // 10])
    report = sharpen_video(tmp_path / f"cut{suffix}", tmp_path / "b.mp4", unchanged)
    assert 3 < report.frames < 20
    assert report.breaks
    assert report.breaks[-1].time_s == pytest.approx(report.frames / 30, abs=0.1)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_whole_video_that_begins_late_is_not_called_damaged(tmp_path, suffix):
    times = [0.2 + number / 30 for number in range(20)]
    write_clip(tmp_path / f"a{suffix}", moving(20), times=times)
    report = sharpen_video(tmp_path / f"a{suffix}", tmp_path / "b.mkv", unchanged, SAME)
    assert (report.frames, report.breaks) == (20, ())


@pytest.mark.parametrize("when", ["drop", "keep"])
def test_an_interrupt_leaves_a_playable_part_or_nothing(tmp_path, when):
    write_beeps_and_flashes(tmp_path / "a.mp4", 6)
    calls = []

    def interrupted(frame: np.ndarray) -> np.ndarray:
        calls.append(1)
        if len(calls) == 100:
            raise KeyboardInterrupt
        return frame

    if when == "drop":
        with pytest.raises(KeyboardInterrupt):
            sharpen_video(tmp_path / "a.mp4", tmp_path / "b.mp4", interrupted, SAME, when_interrupted=when)
        assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
        return
    report = sharpen_video(tmp_path / "a.mp4", tmp_path / "b.mp4", interrupted, SAME, when_interrupted=when)
    assert report.ended == "interrupted"
    assert 80 < report.frames < 100
    assert len(list(read_clip(tmp_path / "b.mp4"))) == report.frames


def test_a_failing_model_leaves_no_file_and_says_why(tmp_path):
    write_clip(tmp_path / "a.mp4", moving(5))

    def failing(frame: np.ndarray) -> np.ndarray:
        raise ValueError("the model is out of order")

    with pytest.raises(ValueError, match="out of order"):
        sharpen_video(tmp_path / "a.mp4", tmp_path / "b.mp4", failing)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_refusals_name_the_file_and_the_reason(tmp_path):
    write_clip(tmp_path / "a.mp4", moving(2))
    for target, word in (("a.mp4", "there already"), ("b.avi", "suffix must be one of")):
        with pytest.raises(FrameError, match=word):
            sharpen_video(tmp_path / "a.mp4", tmp_path / target, unchanged)
    with pytest.raises(FrameError, match="being read"):
        sharpen_video(tmp_path / "a.mp4", tmp_path / "a.mp4", unchanged, overwrite="yes")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(FrameError, match="cannot be read"):
        sharpen_video(tmp_path / "text.mp4", tmp_path / "b.mp4", unchanged)
    with pytest.raises(ValueError, match="crf must be 0 to 51"):
        VideoSettings(crf=52)


def test_hdr_is_refused_with_a_sentence(tmp_path):
    with av.open(str(tmp_path / "hdr.mkv"), "w") as out:
        stream = out.add_stream("libx264", 30)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.color_trc = 16  # PQ, ITU-T H.273
        for frame in moving(3):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
        out.mux(stream.encode(None))
    with pytest.raises(FrameError, match="HDR"):
        sharpen_video(tmp_path / "hdr.mkv", tmp_path / "b.mp4", unchanged)


def test_targets_are_named_after_their_source():
    assert video_target(Path("a/clip.MP4")) == Path("a/clip.sharp.MP4")
    assert video_target(Path("clip.avi"), "compare", Path("out")) == Path("out/clip.compare.mkv")


@pytest.mark.parametrize(
    "name",
    ["Zhling_1280x720.264", "Cisco_Men_whisper_640x320_CABAC_Bframe_9.264", "CiscoVT2people_160x96_6fps.yuv"],
)
def test_clips_of_others_keep_all_their_frames(assets, tmp_path, name):
    source = assets / "data" / "call_clips" / name
    report = sharpen_video(source, tmp_path / "b.mp4", unchanged, VideoSettings(preset="ultrafast"))
    before, after = list(read_clip(source)), list(read_clip(tmp_path / "b.mp4"))
    assert report.frames == len(before) == len(after)
    assert np.allclose([a.time_s for a in before], [b.time_s for b in after], atol=1e-3)
    assert np.abs(before[-1].frame.astype(int) - after[-1].frame).mean() < 4


def test_a_real_clip_is_sharpened(assets, tmp_path):
    source = assets / "data" / "webcam_clips" / "bird.mkv"
    told = []
    sharpen_video(
        source, tmp_path / "b.mkv", sharper, on_frame=lambda done, total: told.append((done, total))
    )
    frames = sum(1 for _ in read_clip(source))
    assert told[-1][0] == frames
    assert abs(told[-1][1] - frames) <= 1  # headers count to within a frame
    assert [done for done, _ in told] == list(range(1, frames + 1))
