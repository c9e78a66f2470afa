"""What the dashboard's server prints when a thread of a page ends."""

from __future__ import annotations

import threading

import pytest
from spanloft_dashboard import departures
from streamlit.runtime.scriptrunner_utils.exceptions import StopException


def raised_in_a_thread(error: BaseException) -> None:
    def run() -> None:
        raise error

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_a_viewer_who_left_is_no_error_and_everything_else_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    departures.keep_quiet()
    raised_in_a_thread(StopException())
    assert capsys.readouterr().err == ""
    raised_in_a_thread(ValueError("a real one"))
    assert "ValueError: a real one" in capsys.readouterr().err
