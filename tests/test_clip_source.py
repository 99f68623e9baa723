"""Clips that are cut, damaged, turned, raw or no clips at all."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from sharpstudy.data.clips import ClipFrame, probe_clip, read_clip, write_clip
from sharpstudy.data.files import FrameError
from sharpstudy.data.frames import write_frame
from tests.picture_tools import moving, numbers

av = pytest.importorskip("av")


def read_until_break(path: Path) -> tuple[list[ClipFrame], str | None]:
    """The frames that come, and the reason of the one sentence that may come after them."""
    items: list[ClipFrame] = []
    broken = None
    try:
        items.extend(read_clip(path))
    except FrameError as error:
        broken = error
    if broken is None:
        return items, None
    assert str(broken).startswith(f"{path}: ")
    assert "\n" not in str(broken)
    assert broken.__suppress_context__ or broken.__context__ is None
    return items, broken.reason


@pytest.mark.parametrize(
    ("suffix", "codec", "kept"),
    [(".mp4", "h264", 0.3), (".mkv", "h264", 0.3), (".webm", "vp9", 0.3), (".mkv", "ffv1", 0.3)],
)
def test_a_cut_clip_gives_what_it_has_and_names_the_time(rng, tmp_path, suffix, codec, kept):
    frames = [rng.integers(0, 256, (64, 96, 3)).astype(np.uint8) for _ in range(40)]
    write_clip(tmp_path / f"a{suffix}", frames, fps=25, codec=codec, crf=20)
    data = (tmp_path / f"a{suffix}").read_bytes()
    whole = [item.frame for item in read_clip(tmp_path / f"a{suffix}")]
    cut = tmp_path / f"cut{suffix}"
    most = 0
    for share in (0.4, 0.6, 0.8, 0.95):
        cut.write_bytes(data[: int(len(data) * share)])
        items, reason = read_until_break(cut)
        assert len(items) < 40
        assert reason is not None
        assert reason.startswith(f"it breaks off at {len(items) / 25:.2f} s: ")
        assert all(np.array_equal(item.frame, frame) for item, frame in zip(items, whole, strict=False))
        most = max(most, len(items))
    assert most > 40 * kept


def test_a_cut_on_the_edge_of_a_frame_is_noticed(tmp_path):
    """Nothing is damaged then, and only the header's length can tell."""
    for name in ("a.mp4", "a.mkv"):
        write_clip(tmp_path / name, moving(20), fps=25)
        with av.open(str(tmp_path / name)) as container:
            last = max(packet.pos for packet in container.demux(video=0) if packet.size)
        cut = tmp_path / f"cut{name}"
        cut.write_bytes((tmp_path / name).read_bytes()[:last])
        items, reason = read_until_break(cut)
        assert 15 <= len(items) < 20
        assert reason is not None
        assert reason.startswith("it breaks off at 0.")


def test_a_trimmed_clip_is_not_a_broken_one(tmp_path):
    """An edit list (ISO/IEC 14496-12, 8.6.6) that leaves out frames 0 to 5 and 16 to 19."""
    write_clip(tmp_path / "a.mp4", moving(20), fps=25)
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    entry = data.index(b"elst") + 12
    length, start = struct.unpack(">Ii", data[entry : entry + 8])
    data[entry : entry + 8] = struct.pack(">Ii", length // 2, start + 6 * 90_000 // 25)
    (tmp_path / "a.mp4").write_bytes(data)
    items, reason = read_until_break(tmp_path / "a.mp4")
    assert reason is None
    assert numbers(items) == list(range(6, 16))


def test_a_cut_raw_stream_breaks_off(rng, tmp_path):
    frames = rng.integers(0, 256, (4, 96 * 64 * 3 // 2)).astype(np.uint8)
    path = tmp_path / "noise_96x64_10fps.yuv"
    path.write_bytes(frames.tobytes()[:-100])
    items, reason = read_until_break(path)
    assert len(items) == 3
    assert reason is not None
    assert reason.startswith("it breaks off at 0.30 s")


def test_damage_that_the_decoder_notices_stops_the_reading(rng, tmp_path):
    frames = [rng.integers(0, 256, (64, 96, 3)).astype(np.uint8) for _ in range(20)]
    write_clip(tmp_path / "a.mp4", frames, fps=10)
    with av.open(str(tmp_path / "a.mp4")) as container:
        tenth = sorted(packet.pos for packet in container.demux(video=0) if packet.size)[9]
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    data[tenth : tenth + 4] = b"\xff" * 4  # the length of a NAL unit
    (tmp_path / "b.mp4").write_bytes(data)
    items, reason = read_until_break(tmp_path / "b.mp4")
    whole = [item.frame for item in read_clip(tmp_path / "a.mp4")]
    assert 5 <= len(items) <= 10
    assert all(np.array_equal(item.frame, frame) for item, frame in zip(items, whole, strict=False))
    assert reason is not None
    assert reason.startswith(f"it breaks off at {len(items) / 10:.2f} s: Invalid data found")


def test_a_stream_cannot_claim_more_than_its_container(tmp_path, monkeypatch):
    monkeypatch.setattr("sharpstudy.data.clip_source.MAX_CLIP_PIXELS", 64 * 96 - 1)
    write_clip(tmp_path / "a.mp4", moving(2))
    assert read_until_break(tmp_path / "a.mp4")[1] == "its header claims 96 x 64 pixels, more than 6,143"
    monkeypatch.setattr("sharpstudy.data.clip_source.check_size", lambda *_: None)
    items, reason = read_until_break(tmp_path / "a.mp4")
    assert items == []
    assert reason is not None


def test_a_raw_file_is_read_by_its_name(rng, tmp_path):
    luma = rng.integers(16, 236, (3, 7, 5))
    grey = np.full((3, 2 * 4 * 3), 128)
    for name, fps in (("a_5x7_12.5fps.yuv", 12.5), ("5x7.yuv", 25)):
        (tmp_path / name).write_bytes(
            np.concatenate([luma.reshape(3, -1), grey], 1).astype(np.uint8).tobytes()
        )
        items = list(read_clip(tmp_path / name))
        assert [item.time_s for item in items] == pytest.approx([0, 1 / fps, 2 / fps])
        expected = np.rint((luma - 16) * (255 / 219))
        assert all(
            np.array_equal(item.frame[..., 1], plane) for item, plane in zip(items, expected, strict=True)
        )


def test_bad_clips_give_one_sentence(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("not a clip at all, " * 50)
    (tmp_path / "call.yuv").write_bytes(bytes(1000))
    (tmp_path / "call_0x10.yuv").write_bytes(bytes(1000))
    (tmp_path / "call_99999x99999.yuv").write_bytes(bytes(1000))
    (tmp_path / "call_640x360.yuv").write_bytes(bytes(1000))
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(8000))
    reasons = {
        "empty.mp4": "the file is empty",
        "text.mp4": "it cannot be read: ",
        "call.yuv": "a raw .yuv needs its size in its name",
        "call_0x10.yuv": "its header claims 0 x 10 pixels",
        "call_99999x99999.yuv": "its header claims 99999 x 99999 pixels, more than",
        "call_640x360.yuv": "it ",
        "list.m3u8": "it cannot be read: ",
        "sound.wav": "it holds no video",
        "none.mp4": "there is no such file",
        ".": "this is a folder",
    }
    for name, reason in reasons.items():
        items, text = read_until_break(tmp_path / name)
        assert items == []
        assert text is not None
        assert text.startswith(reason), text
        with pytest.raises(FrameError):
            probe_clip(tmp_path / name)


def test_a_still_is_a_clip_of_one_frame(tmp_path):
    frame = moving(1)[0]
    write_frame(tmp_path / "a.png", frame)
    assert [np.array_equal(item.frame, frame) for item in read_clip(tmp_path / "a.png")] == [True]


def test_reading_can_stop_at_any_frame(tmp_path):
    write_clip(tmp_path / "a.mp4", moving())
    reader = read_clip(tmp_path / "a.mp4")
    next(reader)
    reader.close()
    (tmp_path / "a.mp4").unlink()  # which Windows refuses while the file is open


def turned(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """The MP4 with another display matrix (a, b, c, d) in its track header (ISO/IEC 14496-12, 8.3.2)."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 44
    a, b, c, d = (value * 0x10000 for value in matrix)
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000)
    out = path.with_name("turned.mp4")
    out.write_bytes(data)
    return out


@pytest.mark.parametrize(
    ("matrix", "rotation", "turn"),
    [
        ((1, 0, 0, 1), 0, lambda frame: frame),
        ((0, 1, -1, 0), 90, lambda frame: np.rot90(frame, -1)),
        ((-1, 0, 0, -1), 180, lambda frame: np.rot90(frame, 2)),
        ((0, -1, 1, 0), 270, lambda frame: np.rot90(frame, 1)),
        ((-1, 0, 0, 1), 0, lambda frame: frame[:, ::-1]),
        ((0, 1, 1, 0), 90, lambda frame: frame.transpose(1, 0, 2)),
    ],
)
def test_the_display_matrix_is_applied(tmp_path, matrix, rotation, turn):
    write_clip(tmp_path / "a.mp4", moving(3), crf=0, chroma="444")
    upright = [item.frame for item in read_clip(tmp_path / "a.mp4")]
    path = turned(tmp_path / "a.mp4", matrix)
    items = list(read_clip(path))
    assert all(np.array_equal(item.frame, turn(frame)) for item, frame in zip(items, upright, strict=True))
    info = probe_clip(path)
    assert info.rotation == rotation
    assert (info.height, info.width) == items[0].frame.shape[:2]


def test_a_quarter_turn_agrees_with_the_library_where_it_tells(tmp_path):
    write_clip(tmp_path / "a.mp4", moving(1))
    with av.open(str(turned(tmp_path / "a.mp4", (0, 1, -1, 0)))) as container:
        picture = next(container.decode(video=0))
    if not hasattr(picture, "rotation"):
        pytest.skip("this PyAV does not tell the rotation")
    assert picture.rotation % 360 == 270  # it counts the other way round
