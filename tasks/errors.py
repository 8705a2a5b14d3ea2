"""The one error that is meant for people: a mistake in what they gave us, said in one line."""

from __future__ import annotations

import difflib
import signal
import threading
import traceback
from collections.abc import Iterable


class UserError(Exception):
    """What is wrong, what was expected, and what to do next. The command line prints it bare and exits with 2."""


def unknown(kind: str, given: str, valid: Iterable[str], means: str | None = None) -> UserError:
    """An error for a name that does not exist: names the nearest valid one, or what it `means`, and all of them.

    >>> str(unknown("model", "gur", ["gru", "lstm"]))
    "unknown model 'gur': did you mean 'gru'? Valid: gru, lstm"
    """
    names = sorted(valid)
    near = means or next(iter(difflib.get_close_matches(given.lower(), names, n=1, cutoff=0.6)), None)
    hint = f"did you mean '{near}'? " if near else ""
    return UserError(f"unknown {kind} '{given}': {hint}Valid: {', '.join(names) or 'none'}")


class Stopped(KeyboardInterrupt):
    """A person or the system has asked this process to stop (Ctrl-C, SIGTERM, SIGHUP); raised by signal handlers."""


def is_stop(error: BaseException) -> bool:
    """Whether an error is a request to stop, and not a KeyboardInterrupt that the code of a plug-in has raised."""
    if isinstance(error, Stopped):
        return True
    return (
        isinstance(error, KeyboardInterrupt)
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler  # nobody else tells the two apart
    )


def unasked_end(error: BaseException) -> UserError:
    """What to say of SystemExit, or of a KeyboardInterrupt that nobody sent: code of a task or model raised it."""
    last = next(reversed(traceback.extract_tb(error.__traceback__)), None)
    where = f"{last.filename}:{last.lineno} in {last.name}" if last else "the code of a task or model"
    text = "".join(traceback.format_exception_only(error)).strip()
    return UserError(f"{where} tried to end the program ({text}): raise an error there instead, such as ValueError")
