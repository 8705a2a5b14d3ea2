"""Many trainings in one process, by turns: a cohort. What it is told and what it tells passes through `Door`.

Each member is a training in turns (`bench.training.train`). On a GPU a turn only begins work, on the member's own
 stream, so the device is busy with all of them at once; nothing here waits for one while another could go on.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from bench.executors.cohort.gpu import Device
from bench.executors.cohort.size import SPARE, CohortSize
from bench.measure.effort import SharedEffort
from bench.models.torch_learner.shared import MustBeAlone
from bench.records.schema import Record
from bench.training.jobs import Job, TrainingJob, attempt, failure_of, is_out_of_memory
from bench.training.loop import Progress, Turns


class Door(Protocol):
    """Where a cohort's news go. serial: the number that a job was given when it came."""

    def turn(self, serial: int) -> None:
        """The job whose code runs from now on; 0: none in particular."""

    def began(self, serial: int) -> None: ...

    def evaluated(self, serial: int, evaluation: tuple[float | None, ...]) -> None: ...

    def ended(self, serial: int, record: Record) -> None: ...

    def note(self, text: str) -> None: ...


@dataclass
class _Waiting:
    """A job that is to join. alone: only when no other is there, and none joins before it has ended."""

    serial: int
    job: Job
    alone: bool


class _Member:
    """A job that has joined."""

    def __init__(self, waiting: _Waiting, turns: Turns[Record], effort: SharedEffort, stream: object) -> None:
        self.waiting, self.turns, self.effort, self.stream = waiting, turns, effort, stream


def _next(turns: Turns[Record]) -> Record | None:
    """One turn; the record where it was the last one."""
    try:
        next(turns)
    except StopIteration as end:
        record: Record = end.value
        return record
    return None


class Cohort:
    """Jobs that come and go. `round` lets those join that fit, and gives every member a turn."""

    def __init__(self, device: Device, size: CohortSize, door: Door) -> None:
        self.device, self.size, self.door = device, size, door
        self._waiting: deque[_Waiting] = deque()
        self._members: list[_Member] = []
        self._largest_bytes = 0  # that a member has taken by joining
        self._full = False  # no room was found for one more, and none has left since
        self._work = 0.0
        self._joules, self._joules_read = 0.0, device.joules()

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._members and not self._waiting

    @property
    def only_member(self) -> int | None:
        """The job that was there alone in the last round; None where there were several, or none."""
        return self._members[0].waiting.serial if len(self._members) == 1 else None

    def add(self, serial: int, job: Job, alone: bool = False) -> None:
        """Put a job in the queue. One that is no training in turns (a timing, a look at the machine) is done alone."""
        self._waiting.append(_Waiting(serial, job, alone or not isinstance(job, TrainingJob)))

    def drop(self, serial: int) -> None:
        """Forget a job, whether it waits or runs; none of that number does no harm."""
        self._waiting = deque(waiting for waiting in self._waiting if waiting.serial != serial)
        for member in [member for member in self._members if member.waiting.serial == serial]:
            self._leave(member)

    def round(self) -> None:
        """Let one join if it may, then give every member a turn. DeviceLost passes through: nothing can go on then."""
        began, self._work = time.monotonic(), 0.0
        self._admit()
        for member in list(self._members):
            self._take_turn(member)
        if self._members:
            self.size.worked(len(self._members), self._work, time.monotonic() - began)

    def _admit(self) -> None:
        """One a round: joining takes long, and the others go on in between."""
        chosen = next((waiting for waiting in self._waiting if not waiting.alone), None)
        if not self._members:
            chosen = chosen or next(iter(self._waiting), None)
        elif any(member.waiting.alone for member in self._members) or len(self._members) >= self.size.now:
            return
        if chosen is None or self._full:
            return
        free = self.device.free_bytes()
        self._full = bool(self._members) and free is not None and free < SPARE * self._largest_bytes
        if self._full:
            return
        self._waiting.remove(chosen)
        self.door.began(chosen.serial)
        if isinstance(chosen.job, TrainingJob):
            self._join(chosen, chosen.job, free)
        else:
            self.door.turn(chosen.serial)
            self.door.ended(chosen.serial, attempt(chosen.job, self._progress(chosen)))
            self.door.turn(0)

    def _join(self, waiting: _Waiting, job: TrainingJob, free: int | None) -> None:
        effort = SharedEffort(self.device.name, self._energy)
        turns = job.in_turns(self._progress(waiting), self.device.stepper_opener(waiting.alone), effort)
        self._share_energy()
        member = _Member(waiting, turns, effort, self.device.new_stream())
        self._members.append(member)
        self._take_turn(member)
        if free is not None and member in self._members:
            self._largest_bytes = max(self._largest_bytes, free - (self.device.free_bytes() or 0))

    def _take_turn(self, member: _Member) -> None:
        """Whatever goes wrong in a turn is its member's alone, unless the device is gone."""
        waiting = member.waiting
        self.door.turn(waiting.serial)
        try:
            with self.device.stream(member.stream), member.effort.turn():
                record = _next(member.turns)
            again = False
        except MustBeAlone:
            record, again = None, True
        except BaseException as error:  # SystemExit too: no training ends the process of the others
            self.device.check(error)
            again = is_out_of_memory(error) and len(self._members) > 1
            record = None if again else failure_of(waiting.job, error)
            if again:
                self._make_room(waiting.job)
        self.door.turn(0)
        if again or record is not None:
            self._leave(member)
        if again:
            self._waiting.append(_Waiting(waiting.serial, waiting.job, alone=True))
        if record is not None:
            self.door.ended(waiting.serial, record)

    def _make_room(self, job: Job) -> None:
        members = len(self._members)
        self.size.halve(members)
        self.door.note(
            f"out of memory with {members} trainings at once: {job.label} is trained again, alone, and from now on "
            f"there are at most {self.size.now} at once"
        )

    def _leave(self, member: _Member) -> None:
        self._share_energy()
        self._members.remove(member)
        self._full = False
        with self.device.stream(member.stream):
            member.turns.close()

    def _progress(self, waiting: _Waiting) -> Progress:
        told = 0

        def progress(*evaluation: float | None) -> None:
            nonlocal told
            step = int(evaluation[0] or 0)
            self._work += waiting.job.cost * (step - told) / max(1, waiting.job.steps)
            told = step
            self.door.evaluated(waiting.serial, evaluation)

        return progress

    def _energy(self) -> float | None:
        """A member's share of all energy since the cohort began: equal shares of those there at each moment."""
        self._share_energy()
        return self._joules if self._joules_read is not None else None

    def _share_energy(self) -> None:
        joules = self.device.joules()
        if joules is not None and self._joules_read is not None:
            self._joules += (joules - self._joules_read) / max(1, len(self._members))
        self._joules_read = joules
