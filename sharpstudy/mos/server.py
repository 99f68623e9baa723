"""A small local server for a study: the page, its pictures, and the votes that come back."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sharpstudy.mos.answers import check_device, check_rater, check_vote
from sharpstudy.mos.pages import ASSETS, content_policy, page_parts, read_study, render_page
from sharpstudy.mos.store import Store, UnknownRaterError

MOST_POSTED = 64 * 1024
MOST_VOTES_A_POST = 50
_ASSET = re.compile(r"/assets/([0-9a-f]{32})\.webp")


class RefusedError(Exception):
    """A request that is answered with an error status and one sentence."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class RatingServer(ThreadingHTTPServer):
    """The server of one study; a thread for every connection, one store for all."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], bundle: Path, store: Store) -> None:
        study = read_study(bundle)
        self.sessions = {session["session"]: session for session in study["sessions"]}
        self.seats = max(int(seat) for session in study["sessions"] for seat in session["seats"])
        self.assets = {name: Path(bundle) / ASSETS / f"{name}.webp" for name in study["assets"]}
        self.store = store
        self.page = render_page(study, server=True).encode()
        self.policy = content_policy(*page_parts(), server=True)
        super().__init__(address, Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing for a browser that went away in the middle; a traceback for what should not happen."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers only the few requests that the page makes."""

    server: RatingServer
    protocol_version = "HTTP/1.1"
    server_version = "sharpstudy"
    sys_version = ""
    timeout = 30  # seconds that a silent connection may hold a thread

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_HEAD(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def do_DELETE(self) -> None:
        self._answer(self._delete)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a log would tie addresses to answers."""

    def _answer(self, act: Callable[[str], tuple[str, bytes]]) -> None:
        try:
            self._check_host()
            kind, body = act(urlsplit(self.path).path)
            status = HTTPStatus.OK
        except RefusedError as refusal:
            status, kind, body = refusal.status, *_json({"error": str(refusal)})
        except UnknownRaterError as error:
            status, kind, body = HTTPStatus.FORBIDDEN, *_json({"error": str(error)})
        except ValueError as error:
            status, kind, body = HTTPStatus.BAD_REQUEST, *_json({"error": str(error)})
        except sqlite3.Error:
            status, kind, body = HTTPStatus.SERVICE_UNAVAILABLE, *_json({"error": "nothing was stored"})
        if status != HTTPStatus.OK:
            self.close_connection = (
                True  # what was not read of a refused request must not be taken for the next
            )
        self._send(status, kind, body)

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Security-Policy", self.server.policy)
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("X-Frame-Options", "DENY")
        private = "no-store" if kind != "image/webp" else "private, max-age=86400, immutable"
        self.send_header("Cache-Control", private)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _check_host(self) -> None:
        """Refuse requests that another site's page makes a browser send."""
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != host:
            raise RefusedError(HTTPStatus.FORBIDDEN, "requests from other pages are refused")
        local = self.server.server_address[0] in ("127.0.0.1", "::1")
        if local and urlsplit(f"//{host}").hostname not in ("127.0.0.1", "::1", "localhost"):
            raise RefusedError(HTTPStatus.FORBIDDEN, "this server answers to localhost alone")

    def _get(self, path: str) -> tuple[str, bytes]:
        if path in ("/", "/index.html"):
            return "text/html; charset=utf-8", self.server.page
        if path == "/api/answers":
            asked = parse_qs(urlsplit(self.path).query).get("rater", [""])[0]
            rater = check_rater(asked)
            self.server.store.seat_of(rater)
            return _json({"votes": self.server.store.votes_of(rater)})
        match = _ASSET.fullmatch(path)
        if match and match[1] in self.server.assets:
            return "image/webp", self.server.assets[match[1]].read_bytes()
        raise RefusedError(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _post(self, path: str) -> tuple[str, bytes]:
        if path not in ("/api/join", "/api/votes"):
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is nothing here")
        body = self._body()
        rater = check_rater(body.get("rater"))
        if path == "/api/join":
            _check_fields(body, {"rater", "consent", "device"})
            if body["consent"] is not True:
                raise ValueError("join: nobody takes part without consent")
            device = check_device(body["device"])
            return _json({"seat": self.server.store.join(rater, self.server.seats, device)})
        _check_fields(body, {"rater", "votes"})
        votes = body["votes"]
        if not isinstance(votes, list) or not 1 <= len(votes) <= MOST_VOTES_A_POST:
            raise ValueError(f"votes: expected a list of 1 to {MOST_VOTES_A_POST}")
        seat = self.server.store.seat_of(rater)
        checked = [check_vote(vote, self.server.sessions, seat) for vote in votes]
        return _json({"stored": self.server.store.add_votes(rater, checked)})

    def _delete(self, path: str) -> tuple[str, bytes]:
        if path != "/api/rater":
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is nothing here")
        body = self._body()
        _check_fields(body, {"rater"})
        self.server.store.delete(check_rater(body["rater"]))
        return _json({"deleted": True})

    def _body(self) -> dict[str, Any]:
        """The JSON object that was posted; refused before it is read when it is too large."""
        if self.headers.get("Transfer-Encoding"):
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is needed")
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,9}", length):
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is needed")
        if int(length) > MOST_POSTED:
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MOST_POSTED} bytes are taken")
        if self.headers.get_content_type() != "application/json":
            raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "application/json is expected")
        try:
            body = json.loads(self.rfile.read(int(length)).decode("utf-8"))
        except (ValueError, RecursionError):
            raise ValueError("expected JSON in UTF-8") from None
        if not isinstance(body, dict):
            raise ValueError("expected a JSON object")
        return body


def _check_fields(body: dict[str, Any], fields: set[str]) -> None:
    if set(body) != fields:
        raise ValueError(f"expected exactly the fields {', '.join(sorted(fields))}")


def _json(value: dict[str, Any]) -> tuple[str, bytes]:
    return "application/json; charset=utf-8", json.dumps(value).encode()


def open_server(bundle: Path, database: Path, host: str = "127.0.0.1", port: int = 0) -> RatingServer:
    """A server that is ready for serve_forever(); port 0 takes any that is free."""
    store = Store(database, read_study(bundle)["study"])
    return RatingServer((host, port), bundle, store)
