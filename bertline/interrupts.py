"""SIGTERM and SIGHUP end a process like Ctrl-C: what is begun is cleaned up."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_SECONDS = 1.0
"""From when on a second Ctrl-C counts."""

_listeners: set[Callable[[int], None]] = set()


class Interrupted(KeyboardInterrupt):
    """The signal `number` has asked this process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def number_of(error: KeyboardInterrupt) -> int:
    """The signal behind an interruption."""
    return error.number if isinstance(error, Interrupted) else signal.SIGINT


def told(error: KeyboardInterrupt) -> tuple[int, str]:
    """The exit code of an interrupted process, as shells have it, and what to say of its end."""
    number = signal.Signals(number_of(error))
    return 128 + number, "interrupted" if number == signal.SIGINT else f"ended by {number.name}"


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Makes the SIGNALS raise Interrupted in the main thread while the block runs.

    Signals that the process was started to ignore (nohup) stay ignored. Once one has come, others
    are passed over, so that cleaning up is not cut short; only a second Ctrl-C is, after a while,
    an interruption again.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    before = {
        number: handler
        for number, handler in handlers.items()
        if handler not in (signal.SIG_IGN, None)
    }
    came_s: float | None = None

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal came_s
        # Two at once would interrupt each other's raising, in the middle of the standard library.
        if came_s is not None and (
            number != signal.SIGINT or time.monotonic() - came_s < AGAIN_SECONDS
        ):
            return
        came_s = time.monotonic()
        for listener in tuple(_listeners):
            listener(number)
        raise Interrupted(number)

    try:
        for number in before:
            signal.signal(number, end)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def passed_on(listener: Callable[[int], None]) -> Iterator[None]:
    """Calls `listener` with the signal that ends this process, before Interrupted is raised.

    For what does not end by itself, such as a child in a process group of its own, and for threads,
    which no interruption reaches.
    """
    _listeners.add(listener)
    try:
        yield
    finally:
        _listeners.discard(listener)
