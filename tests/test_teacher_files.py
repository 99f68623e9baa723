"""Weight files that must not be believed: each is refused in one sentence, and nothing in it runs."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sharpstudy.teachers import TeacherError, build_network, load_teacher
from sharpstudy.teachers.loading import read_weights


def saved(state: object, path: Path) -> Path:
    torch.save(state, path)
    return path


class Harm:
    """A pickle that would make a file, were it executed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"echo harm > {self.path}",)


def zipped(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["zip", "pickle"])
def test_a_file_that_would_run_code_is_refused_and_not_run(tmp_path, form):
    harmed, path = tmp_path / "harmed", tmp_path / "unet.pth"
    content = {"encode1.0.weight": Harm(harmed)}
    path.write_bytes(zipped(content) if form == "zip" else pickle.dumps(content, protocol=2))
    with pytest.raises(TeacherError, match=r"'unet'.*unet\.pth") as caught:
        load_teacher("unet", path)
    assert not harmed.exists()
    assert "\n" not in str(caught.value)
    if form == "zip":
        assert "system" in str(caught.value)


def broken_files(folder: Path) -> dict[str, bytes]:
    state = build_network("unet").state_dict()
    save_file(state, folder / "whole.safetensors")
    whole = (folder / "whole.safetensors").read_bytes()
    spoilt = {**state, "last.bias": torch.tensor([0.0, float("nan"), 0.0])}
    return {
        "truncated.safetensors": whole[: len(whole) // 2],
        "headless.safetensors": whole[:6],
        "truncated.pth": zipped(state)[:-2000],
        "picture.pth": b"\x89PNG\r\n\x1a\n" + bytes(200),
        "empty.pth": b"",
        "spoilt.pth": zipped(spoilt),
        "numbers.pth": zipped({"epoch": 3}),
        "list.pth": zipped([torch.zeros(2)]),
        "network.txt": whole,
        "foreign.pth": zipped(build_network("srgan-generator-x2").state_dict()),
        "longer.pth": zipped({**state, "extra.weight": torch.zeros(1)}),
        "wider.pth": zipped({**state, "last.bias": torch.zeros(4)}),
    }


def test_wrong_and_broken_files_are_refused_in_one_sentence(tmp_path):
    for name, content in broken_files(tmp_path).items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(TeacherError) as caught:
            load_teacher("unet", tmp_path / name)
        text = str(caught.value)
        assert "'unet'" in text, name
        assert name in text
        assert "\n" not in text
        assert len(text) < 300
    with pytest.raises(TeacherError, match=r"'unet'.*gone\.pth.*cannot be read"):
        load_teacher("unet", tmp_path / "gone.pth")


def test_the_foreign_file_is_named_as_another_network(tmp_path):
    path = saved(build_network("rlfn-x2").state_dict(), tmp_path / "rlfn.pth")
    with pytest.raises(TeacherError, match=r"another network: .* missing \(such as .*not known to it"):
        load_teacher("imdn-x2", path)
    with pytest.raises(
        TeacherError, match=r"'bsrgan' refuses the weight file rlfn\.pth: the weights of another"
    ):
        load_teacher("bsrgan", path)
    with pytest.raises(TeacherError, match=r"2 of another shape \(such as upsampler\.0\.bias\)"):
        load_teacher("rlfn-x4", path)


def test_the_hash_is_compared_before_anything_is_parsed(tmp_path, monkeypatch):
    path = saved(build_network("unet").state_dict(), tmp_path / "unet.pth")
    state, digest = read_weights(path, "unet")
    assert len(state) == 26
    assert read_weights(path, "unet", digest[:8])[1] == digest
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("the file was parsed"))
    with pytest.raises(TeacherError, match="expected sha256 000000000000"):
        read_weights(path, "unet", "0" * 64)


def test_an_official_file_that_was_changed_is_refused(tmp_path, monkeypatch, assets):
    content = bytearray((assets / "weights" / "rlfn_x2.pth").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "rlfn_x2.pth").write_bytes(content)
    monkeypatch.setenv("SHARPSTUDY_ASSETS", str(tmp_path))
    with pytest.raises(TeacherError, match=r"'rlfn-x2'.*rlfn_x2\.pth.*sha256"):
        load_teacher("rlfn-x2")


def test_half_precision_and_wrapped_weights_load(tmp_path):
    state = build_network("unet", seed=8).state_dict()
    wrapped = {"epoch": 4, "params": {f"module.{key}": value.half() for key, value in state.items()}}
    teacher = load_teacher("unet", saved(wrapped, tmp_path / "unet.ckpt"))
    loaded = teacher.network.state_dict()
    assert all(torch.equal(loaded[key], value.half().float()) for key, value in state.items())


def test_a_file_that_only_begins_like_the_network_is_refused(tmp_path):
    """The renaming of published layouts, too, meets files that it does not expect."""
    state = build_network("msrresnet-x4").state_dict()  # has conv_first and conv_last, as BSRGAN has
    path = saved(state, tmp_path / "msrresnet.pth")
    with pytest.raises(TeacherError, match=r"'bsrgan' refuses the weight file msrresnet\.pth") as caught:
        load_teacher("bsrgan", path)
    assert len(str(caught.value)) < 300
    with pytest.raises(TeacherError, match=r"'edsr-baseline-x2' refuses .* another network"):
        load_teacher("edsr-baseline-x2", saved({"head.0.weight": state["conv_first.weight"]}, path))
