"""A headless Chromium that tests drive over the DevTools protocol: open, look, press, tap, take a picture."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import numpy as np
import pytest
from PIL import Image

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
    *("--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-sync"),
    *("--force-color-profile=srgb", "--disable-lcd-text", "--remote-debugging-port=0"),
    "--remote-allow-origins=*",
)
_CODES = {"Enter": 13, "Backspace": 8, "Escape": 27, "Tab": 9, "ArrowLeft": 37, "ArrowRight": 39, " ": 32}
_TEXTS = {"Enter": "\r", " ": " "}


class Browser:
    """One page of a headless browser; `errors` and `requests` collect what it complains of and asks for."""

    def __init__(self, address: str) -> None:
        import websocket

        self._socket = websocket.create_connection(address, timeout=30, suppress_origin=True)
        self._count = 0
        self.errors: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def close(self) -> None:
        self._socket.close()

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the browser answers to a command of the protocol."""
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._count:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self._note(message.get("method", ""), message.get("params", {}))

    def _note(self, method: str, event: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            details = event["exceptionDetails"]
            self.errors.append(str(details.get("exception", {}).get("description", details["text"])))
        elif method == "Log.entryAdded" and event["entry"]["level"] == "error":
            self.errors.append(event["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(event["request"]["url"])

    def emulate(
        self, width: int, height: int, density: float = 1, look: str = "light", touch: bool = False
    ) -> None:
        """A screen of css pixels, `density` device pixels to each, with or without fingers."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=density,
            mobile=touch,
        )
        self.ask("Emulation.setTouchEmulationEnabled", enabled=touch, maxTouchPoints=5 if touch else 1)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": look}])

    def open(self, address: str) -> None:
        """Go to an address and wait until the page has loaded."""
        self.ask("Page.navigate", url="about:blank")
        self.ask("Page.navigate", url=address)
        self.wait_for("location.href !== 'about:blank' && document.readyState === 'complete'")

    def evaluate(self, script: str) -> Any:
        """The value of an expression of JavaScript on the page; promises are waited for."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description", script))
        return answer["result"].get("value")

    def wait_for(self, script: str, seconds: float = 20) -> None:
        """Come back once an expression is true, or an element that it asks for is there."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.evaluate(f"Boolean({script})"):
                return
            time.sleep(0.01)
        raise TimeoutError(f"{script} did not come true; errors: {self.errors}")

    def key(self, key: str) -> None:
        """Press and release a key, named as in KeyboardEvent.key."""
        code = _CODES.get(key) or ord(key.upper())
        text = _TEXTS.get(key, key if len(key) == 1 else "")
        press = {"type": "keyDown" if text else "rawKeyDown", "key": key, "windowsVirtualKeyCode": code}
        self.ask("Input.dispatchKeyEvent", **press, text=text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def box(self, selector: str) -> dict[str, float]:
        """Where an element stands in the window, scrolled to: x, y, width, height in css pixels."""
        return self.evaluate(
            f"(() => {{ const node = document.querySelector({json.dumps(selector)});"
            "node.scrollIntoView({block: 'nearest', behavior: 'instant'});"
            "const box = node.getBoundingClientRect();"
            "return {x: box.x, y: box.y, width: box.width, height: box.height}; })()"
        )

    def tap(self, selector: str) -> None:
        """Touch the middle of an element with a finger."""
        box = self.box(selector)
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        self.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[point])
        self.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def click(self, selector: str) -> None:
        """Click the middle of an element with the mouse."""
        box = self.box(selector)
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **point)

    def screenshot(self, path: Path | None = None) -> np.ndarray:
        """What the window shows, a value for every device pixel: uint8 HxWx3; written to `path` as well."""
        data = base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])
        if path is not None:
            path.write_bytes(data)
        return np.asarray(Image.open(BytesIO(data)).convert("RGB")).copy()


def find_chromium() -> str:
    """The browser's program; the test is skipped where there is none."""
    pytest.importorskip("websocket", reason="websocket-client is not installed")
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.skip("no Chromium or Chrome on the PATH")
    return found


@contextmanager
def start_browser(folder: Path, *flags: str) -> Iterator[Browser]:
    """A browser with its profile in `folder`: started again on the same folder, it remembers what it kept."""
    command = [find_chromium(), *FLAGS, *flags, f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    port_file = folder / "DevToolsActivePort"
    try:
        browser = Browser(_page_address(port_file, process))
        yield browser
        browser.ask("Browser.close")  # in good order, so that what pages kept is on the disk
        browser.close()
        process.wait(20)
    finally:
        process.kill()
        process.wait()
        port_file.unlink(missing_ok=True)


def _page_address(port_file: Path, process: subprocess.Popen) -> str:
    open_local = build_opener(ProxyHandler({})).open
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            pytest.skip(f"Chromium ended with {process.returncode} before it was ready")
        text = port_file.read_text() if port_file.exists() else ""
        if "\n" in text:
            with open_local(f"http://127.0.0.1:{text.splitlines()[0]}/json/list", timeout=20) as answer:
                pages = [one for one in json.load(answer) if one["type"] == "page"]
            if pages:
                return pages[0]["webSocketDebuggerUrl"]
        time.sleep(0.05)
    raise TimeoutError("Chromium did not become ready")
