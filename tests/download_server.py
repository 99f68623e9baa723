"""A web server on 127.0.0.1 that misbehaves on demand, and what the download tests fetch from it."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from sharpstudy.assets import Asset

BODY = np.random.default_rng(7).bytes(300_000)
SHA = hashlib.sha256(BODY).hexdigest()


@dataclass
class Answer:
    """What the server does with one path."""

    body: bytes = BODY
    status: int = 200
    cut_after: list[int] = field(default_factory=list)  # bytes to send before hanging up, one per request
    ranges: bool = True
    length: bool = True
    kind: str = "application/octet-stream"
    encoding: str = ""
    hang: bool = False


class Server:
    """A web server on 127.0.0.1 that notes each request's path and Range."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.release = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers.get("Range")))
                outer.reply(self, outer.answers.get(self.path, Answer(status=404)))

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(
            target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self.thread.start()

    def url(self, path: str, answer: Answer) -> str:
        self.answers[path] = answer
        return f"http://127.0.0.1:{self.http.server_port}{path}"

    def reply(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        if answer.hang:
            self.release.wait(5)
            return
        start, status = 0, answer.status
        asked = handler.headers.get("Range")
        if asked and answer.ranges and status == 200:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            status = 206 if start < len(answer.body) else 416
        body = answer.body[start:] if status in {200, 206} else b""
        handler.send_response(status)
        handler.send_header("Content-Type", answer.kind)
        if status == 206:
            handler.send_header("Content-Range", f"bytes {start}-{len(answer.body) - 1}/{len(answer.body)}")
        if status == 416:
            handler.send_header("Content-Range", f"bytes */{len(answer.body)}")
        if answer.encoding:
            handler.send_header("Content-Encoding", answer.encoding)
        if answer.length:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: answer.cut_after.pop(0)] if answer.cut_after else body)

    def close(self) -> None:
        self.release.set()
        self.http.shutdown()
        self.http.server_close()


def weights(url: str, **changes: object) -> Asset:
    settings = {"size": len(BODY), "sha256": SHA, "urls": (url,)} | changes
    return Asset("tiny", "weights", "weights/tiny.pth", "a test", "none", "a test", **settings)


def leftovers(folder: Path) -> list[str]:
    """What a fetch left behind, but for its lock."""
    return sorted(path.name for path in (folder / ".fetch").iterdir() if path.suffix != ".lock")


def make_tar(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tape:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tape.addfile(info, io.BytesIO(content))
    return out.getvalue()


def make_zip(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return out.getvalue()


GOOD = {
    "top/images/train/1.jpg": b"one",
    "./top/images/train/2.JPG": b"two",
    "top/images/val/3.png": b"three",
    "top/images/val/Thumbs.db": b"not a picture",
    "top/truth/1.mat": b"not wanted",
}
