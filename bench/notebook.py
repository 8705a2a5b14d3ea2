"""Compare models on a DataFrame: `bench.compare(frame, target="load", time="time", models=["gru", "lstm"])`."""

from __future__ import annotations

import hashlib
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.display.observing import observing
from bench.config.in_python import in_python
from bench.config.resolve import resolve
from bench.experiment.observer import Observer, Relay
from bench.experiment.run import run
from bench.records.atomic import write_bytes_atomically
from bench.report import render
from tasks.errors import UserError, unknown

if TYPE_CHECKING:
    import pandas as pd

    from bench.analysis.results import Results
    from bench.analysis.verdict import Verdict
    from bench.training.paths import TableModel

NEWLINE = b"\n"
FRAMES = "frames"  # the folder of the results folder where DataFrames are kept as CSV files


def compare(
    frame: pd.DataFrame,
    *,
    target: str | Sequence[str],
    time: str | None = None,
    models: str | Sequence[str] = ("gru", "lstm"),
    name: str | None = None,
    results: str | Path = "results",
    reports: str | Path = "reports",
    quiet: bool = False,
    **options: Any,
) -> ModelComparison:
    """Train models on a table, show progress, write the report, and return what can be said.

    target: the columns to forecast. time: the column that orders the rows, or the name of the index; by default the
    index, where it has dates. name: of the experiment; made from content and options by default, so that the same call
    finds what it has trained.
    options: those of `python -m bench run`, as in `budget="smoke"` or `horizons="1-24"`. UserError for everything that
    the command line refuses.

    In a script this belongs below `if __name__ == "__main__":`, as its workers import the script.
    """
    if not hasattr(frame, "columns"):
        raise UserError(f"compare got a {type(frame).__name__}: expected a DataFrame, as series.to_frame('name') makes")
    for column in _list(target):
        if column not in frame.columns:
            raise unknown("column", column, map(str, frame.columns))
    content, time = _csv(frame, time)
    path = _kept(content, _list(target), name, Path(results))
    models = models if isinstance(models, str) else tuple(models)
    given = {"data": str(path), "target": tuple(_list(target)), "time": time, "models": models, "name": name}
    try:
        experiment = resolve({**given, "results": str(results), "reports": str(reports), **options})
        with observing(quiet, sys.stdout if _in_notebook() else None, in_place=_in_notebook()) as observer:
            run(experiment, observer=_Reworded(observer, path))
    except UserError as error:
        raise UserError(in_python(str(error), path)) from error
    render(experiment.name, results, reports)
    return ModelComparison(experiment.name, str(results), str(reports))


class _Reworded(Relay):
    """Says what a person should read in the words of somebody who gave a DataFrame."""

    def __init__(self, inner: Observer, path: Path) -> None:
        super().__init__(inner)
        self._path = path

    def note(self, text: str) -> None:
        super().note(in_python(text, self._path))


@dataclass(frozen=True)
class ModelComparison:
    """What a comparison of models on a table found; `results` has everything that was recorded."""

    name: str
    results_folder: str
    reports_folder: str

    @cached_property
    def results(self) -> Results:
        from bench.analysis.results import load

        return load(self.name, self.results_folder)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What can be said of each task."""
        return self.results.verdicts

    @property
    def summary(self) -> pd.DataFrame:
        """One row a model or reference; the columns of `summary.csv`."""
        return self.results.summary

    @property
    def report(self) -> Path:
        """The page of the report."""
        return Path(self.reports_folder) / self.name / "index.html"

    @cached_property
    def best(self) -> Forecaster:
        """The model that was best on validation data, trained at the newest forecast origin."""
        return self.model()

    def model(self, name: str | None = None, *, ensemble: bool = False) -> Forecaster:
        """The best net, the best of a name, or a predictor without a net (linear_ar); `ensemble`: all replicates."""
        from bench.experiment.refitted import forecasters

        return Forecaster(tuple(forecasters(self.results, model=name, ensemble=ensemble)))

    def __repr__(self) -> str:
        return f"{self.results!r}\nreport: {self.report}"

    def _repr_html_(self) -> str:
        from html import escape

        return f"{self.results._repr_html_()}<p>Report: {escape(str(self.report))}</p>"


@dataclass(frozen=True)
class Forecaster:
    """A trained model, or several replicates of one, that forecasts the next rows of a DataFrame."""

    models: tuple[TableModel, ...]

    def predict(self, frame: pd.DataFrame, steps: int | None = None) -> pd.DataFrame:
        """The rows after the end of a frame: each target, and the bounds low and high of its interval.

        frame: with the columns (and the index, if that was the time) of the training data. The index of what is
        returned goes on as theirs does. See `bench.training.forecast.forecast`.
        """
        import pandas as pd

        from bench.training.forecast import forecast, table_columns

        reading = table_columns(self.models[0]).reading
        content, time = _csv(frame, reading.time if reading is not None else None)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "frame.csv"
            path.write_bytes(content)
            try:
                found = forecast(self.models, str(path), steps)
            except UserError as error:
                raise UserError(in_python(str(error), path)) from error
        columns = found.header[1:]
        if found.time == "row":
            index: Any = pd.Index([int(row) - 1 for row in found.times], name=frame.index.name)
        elif pd.api.types.is_numeric_dtype(_times(frame, time)):
            index = pd.Index(pd.to_numeric(pd.Series(found.times)), name=found.time)
        else:
            index = pd.DatetimeIndex(pd.to_datetime(pd.Series(found.times)), name=found.time)
            times = _times(frame, time)  # text, too, which has no zone of its own
            zone = times.dt.tz if pd.api.types.is_datetime64_any_dtype(times) else None
            index = index.tz_localize(zone, ambiguous=True, nonexistent="shift_forward") if zone else index
        return pd.DataFrame(found.rows(), index=index, columns=columns)

    def __repr__(self) -> str:
        described = self.models[0].about
        several = f", {len(self.models)} replicates" if len(self.models) > 1 else ""
        return f"Forecaster({described['model']['label']} on {described['task']['label']}{several})"


def _kept(content: bytes, targets: Sequence[str], name: str | None, results: Path) -> Path:
    """The frame as a file, which workers read and a later run finds; UserError where a name has another frame."""
    stem = name or f"{re.sub(r'[^A-Za-z0-9]+', '_', '_'.join(targets))[:40]}-{hashlib.sha256(content).hexdigest()[:8]}"
    path = results / FRAMES / f"{stem}.csv"
    before = path.read_bytes() if path.exists() else content
    if before != content and (results / stem).exists():
        rows = f"{before.count(NEWLINE) - 1} → {content.count(NEWLINE) - 1} rows"
        raise UserError(f"the DataFrame has changed since {results / stem} was made ({rows}): give another name")
    if before != content or not path.exists():
        write_bytes_atomically(path, content)
    return path


def _list(target: str | Sequence[str]) -> list[str]:
    return [target] if isinstance(target, str) else list(target)


def _csv(frame: pd.DataFrame, time: str | None) -> tuple[bytes, str | None]:
    """The frame as CSV, exact, with its index as the time column where it is one, and the name of that column."""
    import pandas as pd

    if time is None and isinstance(frame.index, (pd.DatetimeIndex, pd.PeriodIndex)):
        time = str(frame.index.name or "time")
    if time is not None and time not in frame.columns:
        if frame.index.name not in (None, time):
            raise UserError(f"the DataFrame has no column '{time}', and its index is called '{frame.index.name}'")
        frame = frame.assign(**{time: _starts(frame.index)})
    text = frame.to_csv(index=False, lineterminator="\n")
    return text.encode(), time


def _times(frame: pd.DataFrame, time: str | None) -> pd.Series[Any]:
    """The times of a frame's rows."""
    import pandas as pd

    return frame[time] if time in frame.columns else pd.Series(_starts(frame.index), index=frame.index)


def _starts(index: pd.Index[Any]) -> Any:
    """The times of an index; of periods, their first moments."""
    import pandas as pd

    return index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index


def _in_notebook() -> bool:
    """Whether this runs in Jupyter, whose output shows no terminal's control codes but the carriage return."""
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell is not None else None
    return type(running).__name__ == "ZMQInteractiveShell"
