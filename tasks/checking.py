"""Named checks of a contract: what each of them found, in a sentence that names the file."""

from __future__ import annotations

import inspect
import json
import shlex
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from tasks.entry import RegistryEntry
from tasks.errors import UserError, is_stop


class ContractWarning(UserWarning):
    """What a person should know of a promise that is kept: what it is, what was expected and what to do."""


@dataclass(frozen=True)
class Check:
    """One promise of a contract. run: returns None where it is kept, or why it does not apply; raises ContractWarning
    where something about it is doubtful, and UserError, or whatever the checked code raises, where it is broken.
    needed: where it is broken, the next ones cannot be told.
    """

    name: str
    run: Callable[[], str | None]
    needed: bool = False


@dataclass(frozen=True)
class Finding:
    """What came of a check. text: why it does not apply, or what is doubtful or wrong."""

    check: str
    verdict: Literal["kept", "not applicable", "doubtful", "broken"]
    text: str = ""


def perform(checks: Iterable[Check], where: str) -> Iterator[Finding]:
    """Run the checks in turn. An exception of the checked code, SystemExit too, is a broken promise.

    where: the file that is checked.
    """
    for check in checks:
        try:
            why_not = check.run()
        except ContractWarning as warning:
            yield Finding(check.name, "doubtful", str(warning))
        except BaseException as error:
            if is_stop(error):
                raise
            yield Finding(check.name, "broken", _one_line(error, where))
            if check.needed:
                return
        else:
            yield Finding(check.name, "kept" if why_not is None else "not applicable", why_not or "")


def refuse_broken(where: str, checks: Iterable[Check], *arguments: str) -> list[str]:
    """Raise UserError with the first promise that is broken. Returns what is doubtful.

    where: the file, which the message begins with. arguments: of `bench validate` after it, for the same checks.
    """
    command = shlex.join(["python", "-m", "bench", "validate", where, *arguments])
    doubtful = []
    for finding in perform(checks, where):
        if finding.verdict == "doubtful":
            doubtful.append(finding.text)
        if finding.verdict == "broken":
            raise UserError(f"{where}: {finding.text} (nothing was trained; all checks: {command})")
    return doubtful


def described(error: BaseException, where: str) -> str:
    """An exception in one line: its last place in the file `where`, its class and its text."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = traceback.format_exception_only(error)  # of a SyntaxError, first the indented place in its file
    text = " ".join(next(line for line in lines if not line.startswith(" ")).split())
    own = [frame for frame in frames if frame.filename == where] or frames
    return (f"{own[-1].name}, line {own[-1].lineno}: {text}" if own else text) + of_seed(error)


def of_seed(error: BaseException) -> str:
    """What to do, where code of a task took the generator that is its seed for a whole number; "" for other errors."""
    if not isinstance(error, TypeError) or "Generator'" not in str(error):
        return ""
    return " (generate's seed is a numpy.random.Generator in a run: draw from numpy.random.default_rng(seed))"


def _one_line(error: BaseException, where: str) -> str:
    return str(error) if isinstance(error, UserError) else described(error, where)


def source_of(entry: object) -> str:
    """The file that defines a task or model."""
    return inspect.getsourcefile(type(entry)) or type(entry).__module__


def check_identity(entry: RegistryEntry) -> None:
    """Raise UserError where `identity()` or `label` of a task or model fails, or JSON has no such values."""
    where = source_of(entry)
    try:
        json.dumps(entry.identity(), allow_nan=False)
        str(entry.label)
    except UserError:
        raise
    except Exception as error:
        expected = "expected a dict of names and JSON values (numbers, text, lists)"
        raise UserError(f"{where}: {entry.name}: identity() failed: {described(error, where)}: {expected}") from error
