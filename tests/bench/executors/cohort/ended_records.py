"""A cohort's listener for tests that look only at what comes out."""

from __future__ import annotations

from bench.records.schema import Record


class EndedRecords:
    """Keeps the records of what has ended, by the number that the job was added with, and the notes."""

    def __init__(self) -> None:
        self.by_serial: dict[int, Record] = {}
        self.notes: list[str] = []

    @property
    def by_key(self) -> dict[str, Record]:
        return {record["key"]: record for record in self.by_serial.values()}

    def turn(self, serial: int) -> None: ...

    def began(self, serial: int) -> None: ...

    def evaluated(self, serial: int, evaluation: tuple[float | None, ...]) -> None: ...

    def ended(self, serial: int, record: Record) -> None:
        self.by_serial[serial] = record

    def note(self, text: str) -> None:
        self.notes.append(text)
