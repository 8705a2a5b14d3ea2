"""The error for users: a mistake in their input, in one line."""

from __future__ import annotations

import difflib
import signal
import threading
import traceback
from collections.abc import Iterable

LONGEST = 60  # characters of a name or value in a message
MOST = 20  # names of a user's own in a list in a message

_CLOSE = 0.75  # of two names: twice the letters that both have in the same order, divided by the letters of both
_CLOSE_FROM_THE_START = 0.65  # of two that begin with the same letter, which people rarely get wrong


class UserError(Exception):
    """What is wrong, what was expected, and what to do next. The command line prints it alone and exits with code 2."""


class NotInstalledError(UserError):
    """Something that was asked for needs a package that is not there."""


def unknown(
    kind: str, given: str, valid: Iterable[str], means: str | None = None, *, most: int | None = None
) -> UserError:
    """The error for a name that does not exist. It names the nearest valid name (or `means`), and all of them.

    most: name no more than this number of them.

    >>> str(unknown("model", "gur", ["gru", "lstm"]))
    "unknown model 'gur': did you mean 'gru'? Valid: gru, lstm"
    """
    names = sorted(valid)
    valid_names = listed(names, len(names) if most is None else most)
    return UserError(f"unknown {kind} {short(given)}: {did_you_mean(given, names, means)}Valid: {valid_names}")


def short(text: str) -> str:
    """For a message: quoted, on one line, cut where it is long."""
    return repr(cut(text))


def cut(text: str) -> str:
    """The beginning of a long text."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}…"


def listed(names: Iterable[str], most: int = MOST) -> str:
    """Names with commas between them, cut where they are long or many; "none" where there are none.

    >>> listed(["a", "b"])
    'a, b'
    """
    found = list(names)
    more = f", … ({len(found) - most} more)" if len(found) > most else ""
    return ", ".join(map(cut, found[:most])) + more or "none"


def did_you_mean(given: str, valid: Iterable[str], means: str | None = None) -> str:
    """The question whether the nearest valid name is meant, or `means`, with a space after it; "" if none is near.

    >>> did_you_mean("optimizer", ["steps", "time"])
    ''
    """
    near = means or nearest(given, valid)
    return f"did you mean '{cut(near)}'? " if near else ""


def nearest(given: str, valid: Iterable[str]) -> str | None:
    """The one valid name that begins with `given`, or of which it is probably a misspelling; None if none is near."""
    names = {name.lower(): name for name in valid}
    text = given.lower()
    longer = [name for name in names if text and name.startswith(text)]
    if len(longer) == 1:
        return names[longer[0]]
    near = difflib.get_close_matches(text, names, n=3, cutoff=_CLOSE_FROM_THE_START)
    for name in near:  # best first
        if name[0] == text[0] or difflib.SequenceMatcher(None, name, text).ratio() >= _CLOSE:
            return names[name]
    return None


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
