"""Three stages that work at the same time: a source, a worker and a sink, with short queues between them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")

_POLL_S = 0.1  # how soon a stage notices that another one has stopped, and the main thread a Ctrl-C
_END = object()


class _Pipe(Generic[Item]):
    """A bounded queue whose two ends let go when the run is stopped."""

    def __init__(self, size: int, stopped: threading.Event) -> None:
        self._queue: queue.Queue = queue.Queue(size)
        self._stopped = stopped

    def put(self, item: Item) -> bool:
        """Whether the item went in; False once the run is stopped."""
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=_POLL_S)
                return True
            except queue.Full:
                continue
        return False

    def get(self) -> Item:
        """The next item, or _END once the run is stopped."""
        while not self._stopped.is_set():
            try:
                return self._queue.get(timeout=_POLL_S)
            except queue.Empty:
                continue
        return _END


def run_stages(
    source: Iterable[Item], work: Callable[[Item], Made], sink: Callable[[Made], None], waiting: int = 4
) -> None:
    """Nothing; every item of the source went through `work` into `sink`, in order.

    The source and the sink run in threads of their own, the worker in the caller's. Up to `waiting` items
    wait between two stages, so that the slowest stage sets the pace and memory stays bounded. The first error
    of any stage, or a KeyboardInterrupt, ends all three and is raised here; after it the sink is not called.
    """
    stopped, errors = threading.Event(), []
    before: _Pipe = _Pipe(waiting, stopped)
    after: _Pipe = _Pipe(waiting, stopped)

    def guarded(stage: Callable[[], None]) -> None:
        try:
            stage()
        except BaseException as error:  # carried over to the caller's thread
            errors.append(error)
            stopped.set()

    threads = [
        threading.Thread(target=guarded, args=(stage,), name=name, daemon=True)
        for name, stage in (("source", lambda: _feed(source, before)), ("sink", lambda: _drain(after, sink)))
    ]
    for thread in threads:
        thread.start()
    try:
        while (item := before.get()) is not _END:
            after.put(work(item))
        after.put(_END)
        while threads[1].is_alive():
            threads[1].join(_POLL_S)
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]


def _feed(source: Iterable[Item], pipe: _Pipe) -> None:
    for item in source:
        if not pipe.put(item):
            return
    pipe.put(_END)


def _drain(pipe: _Pipe, sink: Callable[[Made], None]) -> None:
    while (made := pipe.get()) is not _END:
        sink(made)
