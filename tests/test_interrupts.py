"""Signals that this very process gets."""

import os
import signal
import threading

import pytest

from bertline import interrupts
from bertline.interrupts import SIGNALS, Interrupted, interruptible, number_of, passed_on


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_raised_and_handlers_come_back(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with pytest.raises(Interrupted) as raised, interruptible():
        os.kill(os.getpid(), number)
        threading.Event().wait()
    assert number_of(raised.value) == number
    assert [signal.getsignal(each) for each in SIGNALS] == before
    assert number_of(KeyboardInterrupt()) == signal.SIGINT


def test_others_do_not_cut_cleaning_up_short(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    with pytest.raises(Interrupted) as raised, interruptible():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            for number in SIGNALS:
                os.kill(os.getpid(), number)
            steps.append("cleaned up")
            monkeypatch.setattr(interrupts, "AGAIN_SECONDS", 0)
            with pytest.raises(Interrupted):
                os.kill(os.getpid(), signal.SIGINT)
                steps.append("not reached")
    assert raised.value.number == signal.SIGTERM
    assert steps == ["cleaned up"]


def test_it_is_passed_on_while_somebody_listens() -> None:
    heard: list[int] = []
    for _ in range(2):
        with pytest.raises(Interrupted), interruptible():
            if not heard:
                with passed_on(heard.append):
                    os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGHUP)
    assert heard == [signal.SIGHUP]


def test_other_threads_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def look() -> None:
        with interruptible():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before]
