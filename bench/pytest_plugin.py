"""`pytest --bench-baseline FOLDER`: every cell of a baseline is a test item, `bench-baseline::TASK/MODEL`.

pytest loads this file in every run where bench is installed, so bench is imported only if the option is given.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bench.experiment.observer import Observer
    from bench.gate.baseline import Baseline
    from bench.gate.outcome import CellOutcome, CheckOutcome
    from bench.gate.replicates import CellName

NAME = "bench-baseline"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bench", "convergence against a baseline of bench")
    group.addoption(
        "--bench-baseline",
        metavar="FOLDER",
        help="Train the cells of this baseline on this code, each an item: is convergence still as good?",
    )
    group.addoption("--bench-cells", metavar="TASK/MODEL,…", help="Only these cells; * matches any text: copy/*,*/gru.")


def pytest_configure(config: pytest.Config) -> None:
    """Register the gate. UsageError (one line, exit code 4) for a baseline that cannot be used."""
    folder, cells = config.getoption("bench_baseline"), config.getoption("bench_cells")
    if cells and not folder:
        raise pytest.UsageError("--bench-cells selects cells of --bench-baseline FOLDER: give that option too")
    if not folder:
        return
    if config.getoption("numprocesses", None) or config.getoption("tx", None):
        raise pytest.UsageError("--bench-baseline trains on all cores by itself: run it without pytest-xdist, -n 0")
    from bench.gate.baseline_files import read_baseline
    from bench.gate.selection import select
    from tasks.errors import UserError

    try:
        baseline = read_baseline(Path(folder))
        chosen = select(cells, baseline.cells) if cells else list(baseline.cells)
    except UserError as error:
        raise pytest.UsageError(str(error)) from None
    config.pluginmanager.register(Gate(folder, baseline, chosen), NAME)


class Gate:
    """The pytest hooks of a run with a baseline. The first item that runs makes one check for all items."""

    def __init__(self, folder: str, baseline: Baseline, cells: Sequence[CellName]) -> None:
        self.folder, self.baseline, self.cells = folder, baseline, cells
        self._outcome: CheckOutcome | None = None

    @pytest.hookimpl(tryfirst=True)  # before -k and -m select items
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        parent = BaselineCollector.from_parent(session, name=NAME, nodeid=NAME, gate=self)
        items.extend(found for found in session.genitems(parent) if isinstance(found, pytest.Item))

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._outcome is None:
            return
        from bench.gate.formats.text import write

        terminalreporter.section(f"convergence against {self.folder}")
        terminalreporter.write_line(write(self._outcome))

    def outcome(self, item: CellItem) -> CellOutcome:
        """Return the outcome of one cell. If the whole check was refused, every cell is not comparable."""
        from bench.gate.outcome import CellOutcome

        if self._outcome is None:
            wanted = [other.cell for other in item.session.items if isinstance(other, CellItem)]
            self._outcome = self._check(wanted, item.config)
        if self._outcome.refusal:
            return CellOutcome(item.cell, "not_comparable", self._outcome.refusal)
        return next(found for found in self._outcome.cells if found.name == item.cell)

    def _check(self, wanted: Sequence[CellName], config: pytest.Config) -> CheckOutcome:
        from bench.gate.outcome import CheckOutcome
        from bench.gate.this_code.check_code import check_code, experiment_of
        from tasks.errors import UserError

        began = time.monotonic()
        try:
            experiment = experiment_of(self.baseline, {}, folder=self.folder)
            with _observing(config) as observer:
                outcome = check_code(self.baseline, experiment, observer, folder=self.folder, only=wanted)
        except UserError as error:
            outcome = CheckOutcome(self.folder, "this code", (), refusal=str(error))
        return replace(outcome, seconds=time.monotonic() - began)


class BaselineCollector(pytest.Collector):
    """The collector of a baseline's cells."""

    def __init__(self, *, gate: Gate, **settings: Any) -> None:
        super().__init__(**settings)
        self.gate = gate

    def collect(self) -> Iterable[CellItem]:
        for cell in self.gate.cells:
            yield CellItem.from_parent(self, name=f"{cell.task}/{cell.model}", cell=cell, gate=self.gate)


class CellItem(pytest.Item):
    """A cell as a test item: skipped if `gate.toml` says so, an error if not comparable, a failure if it regressed
    or changed."""

    def __init__(self, *, cell: CellName, gate: Gate, **settings: Any) -> None:
        super().__init__(**settings)
        self.cell, self.gate = cell, gate

    def setup(self) -> None:
        """Skip or refuse the cell: pytest counts an exception in `setup` as an error, not as a failure."""
        found = self.gate.outcome(self)
        if found.state == "skipped":
            pytest.skip(found.why)
        if found.state == "not_comparable":
            raise NotAsGood(f"{self.cell} is not comparable: {found.why}")

    def runtest(self) -> None:
        found = self.gate.outcome(self)
        if found.state in ("regressed", "changed"):
            raise NotAsGood(f"{self.cell} {found.state}: {found.why}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **settings: Any) -> Any:
        """Show the sentence alone: the line of this file that raised it is of no use."""
        if isinstance(excinfo.value, NotAsGood):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *args, **settings)

    def reportinfo(self) -> tuple[Path, None, str]:
        return Path(NAME), None, self.name


class NotAsGood(Exception):  # noqa: N818 - a result, not an error
    """A cell regressed or is not comparable; the message says why."""


@contextmanager
def _observing(config: pytest.Config) -> Iterator[Observer]:
    """Show progress on stderr although pytest captures output; no progress with -q."""
    from bench.cli.display.observing import draws
    from bench.experiment.observer import Observer

    capture: Any = config.pluginmanager.getplugin("capturemanager")
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    if config.getoption("verbose") < 0 or capture is None or reporter is None:
        yield Observer()
        return
    with capture.global_and_fixture_disabled():
        reporter.ensure_newline()
        if draws(sys.stderr):
            from bench.cli.display.live import LiveProgress

            with LiveProgress(sys.stderr) as live:
                yield live
        else:
            yield _tenths_observer()


def _tenths_observer() -> Observer:
    """Return an observer that reports each tenth of the trainings on stderr, to keep a log short."""
    from bench.experiment.observer import Observer

    class Tenths(Observer):
        total = done = 0

        def planned(self, trainings: int) -> None:
            self.total = trainings

        def finished(self, slot: int | None, record: dict[str, Any], reused: bool) -> None:
            self.done += 1
            if 10 * self.done // max(1, self.total) > 10 * (self.done - 1) // max(1, self.total):
                self.note(f"{self.done} of {self.total} trainings")

        def note(self, text: str) -> None:
            print(f"{NAME}: {text}", file=sys.stderr, flush=True)

    return Tenths()
