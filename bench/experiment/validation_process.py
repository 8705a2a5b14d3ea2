"""The contract suite in a process of its own: code that ends its process is noticed, whatever exit code it leaves."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection

from bench.executors.worker import leave_ends_to_parent, worker_environment
from tasks.checking import Finding
from tasks.errors import UserError, unasked_end

END_SECONDS = 2.0  # for the process to leave, once it has said everything; threads of a plug-in may hold it


def findings_apart(file: str, wanted: Sequence[str] = (), tasks: Sequence[str] = ()) -> Iterator[tuple[str, Finding]]:
    """As `validation.findings`, found in a process of its own.

    UserError too where that process ends before the last check: the plug-in called `os._exit`, or crashed.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_find, args=(there, os.getpid(), file, tuple(wanted), tuple(tasks)))
    with worker_environment():
        process.start()
    there.close()  # or its end would never be seen
    last: tuple[str, Finding] | None = None
    done = False
    try:
        while True:
            try:
                said = here.recv()
            except EOFError:
                process.join()
                raise UserError(_ended(file, process.exitcode, last)) from None
            done = not isinstance(said, tuple)
            if said is None:
                return
            if isinstance(said, str):
                raise UserError(said)
            last = said
            yield said
    finally:
        process.join(END_SECONDS if done else 0)
        process.kill()
        process.join()
        here.close()


def _find(there: Connection, parent: int, file: str, wanted: tuple[str, ...], tasks: tuple[str, ...]) -> None:
    """Send each finding, then None; or the text of a UserError in place of what is left."""
    leave_ends_to_parent(parent)
    from bench.experiment.validation import findings

    try:
        for found in findings(file, wanted, tasks):
            there.send(found)
        there.send(None)
    except UserError as error:
        there.send(str(error))
    except (SystemExit, KeyboardInterrupt) as error:
        there.send(str(unasked_end(error)))


def _ended(file: str, code: int | None, last: tuple[str, Finding] | None) -> str:
    """One line on a process that ended before its time. last: what it had found."""
    how = f"with exit code {code}" if code is None or code >= 0 else f"by signal {-code}"
    where = "before the first check had ended" if last is None else f"after the check '{last[1].check}' of {last[0]}"
    return (
        f"{file} ended the process that checks it ({how}) {where}, so nothing is known of the rest: take out what ends "
        "it, such as os._exit, and raise an error there instead"
    )
