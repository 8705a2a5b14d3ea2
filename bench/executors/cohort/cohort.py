"""Many trainings in one process, by turns: a cohort. It reports what happens to a `CohortListener`.

Each member is a training in turns (`bench.training.train`). On a GPU a turn only begins work, on the member's own
stream, so the device is busy with all of them at once; nothing here waits for one while another could go on.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from bench.executors.cohort.device import Device, DeviceLost, DeviceShare
from bench.executors.cohort.size import SPARE, CohortSize
from bench.measure.effort import SharedEffort
from bench.models.torch_learner.shared import MustBeAlone
from bench.records.schema import Record
from bench.training.jobs import Job, TrainingJob, attempt, failure_of, is_out_of_memory
from bench.training.loop import Progress, Turns

JOINS = 4  # in a round at most: joining may take long, and the others go on in between
Result = TypeVar("Result")


class CohortListener(Protocol):
    """Receives what happens in a cohort. serial: the number that a job was given when it was added."""

    def turn(self, serial: int) -> None:
        """The code of this job runs from now on; 0: of none in particular."""

    def began(self, serial: int) -> None: ...

    def evaluated(self, serial: int, evaluation: tuple[float | None, ...]) -> None: ...

    def ended(self, serial: int, record: Record) -> None: ...

    def note(self, text: str) -> None: ...


@dataclass
class _Waiting:
    """A job that is to join. company: with how many it may be there at once, itself included; None: with any number."""

    serial: int
    job: Job
    company: int | None


class _Member:
    """A job that has joined. turns and place: None until its first turn."""

    def __init__(self, waiting: _Waiting, effort: SharedEffort) -> None:
        self.waiting, self.effort = waiting, effort
        self.turns: Turns[Record] | None = None
        self.place: DeviceShare | None = None
        self.reuses = False  # the graphs of an earlier training


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

    def __init__(self, device: Device, size: CohortSize, listener: CohortListener) -> None:
        self.device, self.size, self.listener = device, size, listener
        device.note = listener.note
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

    def add(self, serial: int, job: Job, company: int | None = None) -> None:
        """Put a job in the queue. One that is no training in turns (a timing, a look at the machine) is done alone."""
        self._waiting.append(_Waiting(serial, job, company if isinstance(job, TrainingJob) else 1))

    def drop(self, serial: int) -> None:
        """Forget a job, whether it waits or runs; none of that number does no harm."""
        self._waiting = deque(waiting for waiting in self._waiting if waiting.serial != serial)
        for member in [member for member in self._members if member.waiting.serial == serial]:
            self._leave(member)

    def round(self) -> None:
        """Let some join if they may, then give every member a turn.

        DeviceLost passes through: nothing can go on then.
        """
        began, self._work = time.monotonic(), 0.0
        for _ in range(JOINS):
            if not self._admit():
                break
        members = len(self._members)
        for member in list(self._members):
            self._take_turn(member)
        if members:
            self.size.worked(members, self._work, time.monotonic() - began)

    def _admit(self) -> bool:
        """Let one join, or do a job that is done alone; False where none may."""
        chosen = self._next_to_join()
        if chosen is None or not self._has_room():
            return False
        self._waiting.remove(chosen)
        if chosen.company == 1:
            self._guarded(self.device.free_unused)
        self.listener.began(chosen.serial)
        if isinstance(chosen.job, TrainingJob):
            self._join(chosen)
        else:
            self.listener.turn(chosen.serial)
            self.listener.ended(chosen.serial, attempt(chosen.job, self._progress(chosen)))
            self.listener.turn(0)
        return True

    def _next_to_join(self) -> _Waiting | None:
        """Those that may have any company go first; those that need less wait until few enough are there."""
        members = len(self._members)
        if members >= self.size.now or any(not _allows(member.waiting, members + 1) for member in self._members):
            return None
        anyone = next((waiting for waiting in self._waiting if waiting.company is None), None)
        return anyone or next((waiting for waiting in self._waiting if _allows(waiting, members + 1)), None)

    def _has_room(self) -> bool:
        """Whether the memory of the largest member, with something to spare, is free."""
        if not self._members or self._full:
            return not self._full
        needed = SPARE * self._largest_bytes
        if _less(self._guarded(self.device.free_bytes), needed):
            self._guarded(self.device.free_unused)
            self._full = _less(self._guarded(self.device.free_bytes), needed)
        return not self._full

    def _join(self, waiting: _Waiting) -> None:
        free = self._guarded(self.device.free_bytes)
        member = _Member(waiting, SharedEffort(self.device.name, self._energy))
        self._share_energy()
        self._members.append(member)
        self._take_turn(member)
        if free is not None and member in self._members and not member.reuses:
            self._largest_bytes = max(self._largest_bytes, free - (self._guarded(self.device.free_bytes) or 0))

    def _begin(self, member: _Member) -> None:
        """Give a member its place on the device."""
        waiting = member.waiting
        assert isinstance(waiting.job, TrainingJob)
        place = self.device.place(waiting.job.training, waiting.company == 1)
        member.place = place
        if place.captured:  # by an earlier training, whose memory is used again
            member.reuses, member.effort.watches_memory = True, False
            member.effort.peak_bytes = place.peak_bytes
        member.turns = waiting.job.in_turns(
            self._progress(waiting),
            place.open_stepper,
            member.effort,
            place.build,
            self.device.apart,
        )

    def _take_turn(self, member: _Member) -> None:
        """Whatever goes wrong in a turn is its member's alone, unless the device is gone."""
        waiting, failed = member.waiting, False
        self.listener.turn(waiting.serial)
        try:
            if member.place is None:
                self._begin(member)
            assert member.place is not None
            assert member.turns is not None
            with self.device.stream(member.place.stream), member.effort.turn():
                record = _next(member.turns)
            if member.place.captured and member.effort.watches_memory:
                member.effort.watches_memory = False  # it allocates nothing from now on
                member.place.peak_bytes = member.effort.peak_bytes
            again = False
        except MustBeAlone:
            record, again = None, True
        except BaseException as error:  # SystemExit too: no training ends the process of the others
            failed = True
            self.device.check(error)
            again = is_out_of_memory(error) and len(self._members) > 1
            record = None if again else failure_of(waiting.job, error)
            if again:
                self._make_room(waiting.job)
        self.listener.turn(0)
        if again or record is not None:
            self._leave(member, failed)
        if again:
            self._waiting.append(_Waiting(waiting.serial, waiting.job, company=1))
        if record is not None:
            self.listener.ended(waiting.serial, record)

    def _make_room(self, job: Job) -> None:
        members = len(self._members)
        self._guarded(self.device.free_unused)
        self.size.halve(members)
        self.listener.note(
            f"out of memory with {members} trainings at once: {job.label} is trained again, alone, and from now on "
            f"there are at most {self.size.now} at once"
        )

    def _leave(self, member: _Member, failed: bool = False) -> None:
        self._share_energy()
        self._members.remove(member)
        self._full = False
        if member.place is not None:
            self._guarded(lambda: self._give_back(member, failed))

    def _give_back(self, member: _Member, failed: bool) -> None:
        assert member.place is not None
        with self.device.stream(member.place.stream):
            if member.turns is not None:
                member.turns.close()
            member.place.leave(failed)

    def _guarded(self, call: Callable[[], Result]) -> Result:
        """What fails outside of a training's turn is no training's fault: this process is not trusted any further."""
        try:
            return call()
        except RuntimeError as error:
            raise DeviceLost(f"{error}".partition("\n")[0]) from error

    def _progress(self, waiting: _Waiting) -> Progress:
        told = 0

        def progress(*evaluation: float | None) -> None:
            nonlocal told
            step = int(evaluation[0] or 0)
            self._work += waiting.job.cost * (step - told) / max(1, waiting.job.steps)
            told = step
            self.listener.evaluated(waiting.serial, evaluation)

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


def _allows(waiting: _Waiting, members: int) -> bool:
    """Whether a job may be there with so many, itself included."""
    return waiting.company is None or members <= waiting.company


def _less(free: int | None, needed: float) -> bool:
    """Whether less is free than needed; what is not known is enough."""
    return free is not None and free < needed
