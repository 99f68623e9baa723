"""One file over HTTP: resumed where it broke off, bounded in size, and checked against its sha256."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError, NewConnectionError

from sharpstudy.assets import AssetError, Progress, file_sha256

CHUNK = 1 << 18
TIMEOUT = (15.0, 60.0)  # seconds to connect, seconds without a byte
PAUSES = (1.0, 2.0, 4.0)  # seconds before the next attempt, after attempts that brought no new byte
HEADERS = {
    "User-Agent": "sharpstudy",
    "Accept-Encoding": "identity",
}  # some servers would decode a .tgz on the way
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}


class _BrokenOffError(Exception):
    """A transfer that may succeed when it is tried again."""


@dataclass(frozen=True)
class Wanted:
    """What a transfer must bring: sizes in bytes, `sha256` whole or its beginning, None where unknown."""

    size: int | None
    sha256: str | None
    limit: int  # no more than this is ever written


class Bar:
    """A progress bar in bytes over all files of an asset; it goes back when a transfer starts over."""

    def __init__(self, name: str, total: int, progress: Progress) -> None:
        self._bar = tqdm(
            total=total, desc=name, unit="B", unit_scale=True, leave=False, disable=progress == "none"
        )
        self._shown = 0
        self._earlier = 0  # bytes of the files before the present one

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def start_at(self, position: int) -> None:
        """Show where in the present file a transfer starts; these bytes do not count as its speed."""
        step = self._earlier + position - self._shown
        self._shown += step
        if not self._bar.disable:
            self._bar.n += step
            self._bar.initial += step
            self._bar.last_print_n += step

    def move(self, position: int) -> None:
        """Show that `position` bytes of the present file have come."""
        self._bar.update(self._earlier + position - self._shown)
        self._shown = self._earlier + position

    def next_file(self) -> None:
        """Count further files after the present one."""
        self._earlier = self._shown


def bring_file(urls: tuple[str, ...], part: Path, wanted: Wanted, bar: Bar) -> tuple[str, str]:
    """The sha256 of the checked file at `part` and the address that sent it; addresses are tried in order."""
    problems = []
    for url in urls:
        try:
            _bring_bytes(url, part, wanted, bar)
            return _accept(url, part, wanted), url
        except AssetError as error:
            problems.append(str(error))
    raise AssetError("; ".join(problems))


def _accept(url: str, part: Path, wanted: Wanted) -> str:
    got = file_sha256(part)
    if wanted.sha256 and not got.startswith(wanted.sha256):
        part.unlink()
        raise AssetError(
            f"{url} sent another file: expected sha256 {wanted.sha256}, got {got}; it was deleted"
        )
    return got


def _bring_bytes(url: str, part: Path, wanted: Wanted, bar: Bar) -> None:
    """Bring all bytes of `url` into `part`, going on from what is there; pauses follow attempts in vain."""
    if wanted.sha256 is None:
        part.unlink(missing_ok=True)  # nothing would tell that the halves of two versions were joined
    most, failures = _size(part), 0
    while True:
        try:
            return _request(url, part, wanted, bar)
        except _BrokenOffError as error:
            failures = 1 if _size(part) > most else failures + 1
            most = max(most, _size(part))
            if failures > len(PAUSES):
                hope = "; fetching again goes on from there" if wanted.sha256 and most else ""
                raise AssetError(f"{url} broke off: {error}{hope}") from error
        time.sleep(PAUSES[failures - 1])


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _request(url: str, part: Path, wanted: Wanted, bar: Bar) -> None:
    """One attempt: ask for the bytes that are missing and append them."""
    if _size(part) > wanted.limit:
        part.unlink()
    have = _size(part)
    bar.start_at(have)
    if have and have == wanted.size:
        return
    headers = HEADERS | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if not _is_complete(response, part, have):
                start = _first_byte(url, response, have)
                _receive(url, response, start, part, wanted, bar)
    except (requests.RequestException, HTTPError) as error:
        reason = getattr(error.args[0] if error.args else None, "reason", None)
        if isinstance(reason, NewConnectionError) or isinstance(error, requests.exceptions.SSLError):
            raise AssetError(f"{url} cannot be reached: {_last_clause(error)}") from error
        raise _BrokenOffError(_last_clause(error)) from error


def _last_clause(error: Exception) -> str:
    """The end of a library's nested message, such as "Connection refused"."""
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return "no answer in time"
    return str(error).split(": ")[-1].strip("()'\" ") or type(error).__name__


def _is_complete(response: requests.Response, part: Path, have: int) -> bool:
    """Whether the server says that nothing follows the bytes that are here; a part that does not fit goes."""
    if response.status_code != 416 or not have:
        return False
    if response.headers.get("Content-Range", "").endswith(f"/{have}"):
        return True
    part.unlink()
    raise _BrokenOffError("the file has another size than at the last try")


def _first_byte(url: str, response: requests.Response, have: int) -> int:
    """Where the answer's bytes belong: `have` when the server goes on from there, 0 when it starts over."""
    status = response.status_code
    if status in TRANSIENT:
        raise _BrokenOffError(f"status {status} {response.reason}")
    if status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        return have
    if status != 200:
        raise AssetError(f"{url} answered {status} {response.reason}")
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise AssetError(f"{url} answered with a web page instead of the file")
    return 0


def _receive(url: str, response: requests.Response, start: int, part: Path, wanted: Wanted, bar: Bar) -> None:
    """Write the answer's bytes into `part` from `start` on."""
    length = response.headers.get("Content-Length", "")
    total = start + int(length) if length.isdigit() else wanted.size
    if wanted.size is not None and total != wanted.size:
        raise AssetError(f"{url} announces {total} bytes, expected {wanted.size}")
    if total is None and wanted.sha256 is None:
        raise AssetError(f"{url} does not say how long the file is, and no hash is known to check it by")
    with part.open("r+b" if start else "wb") as stream:
        stream.seek(start)
        bar.start_at(start)
        for block in response.raw.stream(CHUNK, decode_content=False):
            if stream.tell() + len(block) > wanted.limit:
                raise AssetError(f"{url} sends more than {wanted.limit} bytes")
            stream.write(block)
            bar.move(stream.tell())
    if total is not None and _size(part) < total:
        raise _BrokenOffError(f"{_size(part)} of {total} bytes came")
