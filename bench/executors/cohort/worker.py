"""What runs inside a cohort's process: it takes jobs from the parent and lets a `Cohort` do them side by side."""

from __future__ import annotations

import os
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from bench.executors import worker
from bench.executors.cohort.cohort import Cohort
from bench.executors.cohort.device import Device, DeviceLost
from bench.executors.cohort.gpu import Gpu
from bench.executors.cohort.size import CohortSize
from bench.executors.shared_progress import SharedProgress
from bench.records.schema import Record
from bench.training.jobs import TimingJob, TrainingJob

LOST = 17  # exit code of a process whose device does not answer any more


class ParentListener:
    """Tells the parent: evaluations and whose turn it is through shared memory, all else through the pipe."""

    def __init__(self, connection: Connection, shared: SharedProgress, turns: Any) -> None:
        self._connection, self._shared, self._turns = connection, shared, turns
        self._slots: dict[int, int] = {}

    def expect(self, serial: int, slot: int) -> None:
        """A job of this number belongs to a slot."""
        self._slots[serial] = slot

    def turn(self, serial: int) -> None:
        self._turns[0] = serial
        self._turns[1] += 1

    def began(self, serial: int) -> None:
        self._shared.clear(self._slots[serial])  # it may begin for a second time
        self._shared.begin(self._slots[serial], serial)

    def evaluated(self, serial: int, evaluation: tuple[float | None, ...]) -> None:
        self._shared.tell(self._slots[serial], evaluation)

    def ended(self, serial: int, record: Record) -> None:
        self._connection.send(("ended", serial, record))

    def note(self, text: str) -> None:
        self._connection.send(("note", text))


def serve(
    connection: Connection,
    doubles: Any,
    turns: Any,
    parent: int,
    plugins: Sequence[str],
    fixed: int | None,
    on_gpu: bool,
) -> None:
    """Do jobs until the parent hangs up.

    turns: whose turn it is, and how many there have been. fixed: how many trainings at once; None: find out.

    Messages in: ("job", serial, slot, job, company), ("drop", serial). Out: ("ended", serial, record), ("dropped",
    serial), ("size", trainings), ("note", text); ("gone", text) where there is no device, ("lost", text) where it is
    lost, and then the process ends with code `LOST`.
    """
    worker.start(doubles, parent, plugins)
    listener = ParentListener(connection, SharedProgress(doubles), turns)
    size = CohortSize(fixed)
    device = Gpu() if on_gpu else Device()
    cohort, announced = Cohort(device, size, listener), size.now
    prepared = False
    try:
        while True:
            while cohort.idle or connection.poll():
                message = connection.recv()
                if not prepared and message[0] == "job" and isinstance(message[3], (TrainingJob, TimingJob)):
                    _prepare(device, connection)  # a look at the machine comes before it, and may find no GPU
                    prepared = True
                _obey(message, cohort, listener, connection)
            cohort.round()
            if size.now > announced:
                announced = size.now
                connection.send(("size", announced))
    except DeviceLost as lost:
        listener.turn(cohort.only_member or 0)  # of several, it may be any one's fault
        _give_up(connection, "lost", lost)
    except EOFError:
        return


def _prepare(device: Device, connection: Connection) -> None:
    try:
        device.prepare()
    except DeviceLost as lost:
        _give_up(connection, "gone", lost)


def _give_up(connection: Connection, kind: str, lost: DeviceLost) -> NoReturn:
    connection.send((kind, str(lost)))
    connection.close()
    os._exit(LOST)  # nothing of CUDA can be tidied up any more, and trying may hang


def _obey(message: tuple[Any, ...], cohort: Cohort, listener: ParentListener, connection: Connection) -> None:
    kind, serial, *rest = message
    if kind == "job":
        slot, job, company = rest
        listener.expect(serial, slot)
        cohort.add(serial, job, company)
    else:
        cohort.drop(serial)
        connection.send(("dropped", serial))
