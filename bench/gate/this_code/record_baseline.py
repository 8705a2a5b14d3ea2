"""Record a baseline: train every cell's replicates on this code, and store the reason."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from bench.config.options import keys_deciding
from bench.config.resolve import Experiment
from bench.experiment.observer import Observer
from bench.gate.baseline import Baseline, Reason, cells_of, is_baseline, read_baseline, write_baseline
from bench.gate.errors import NotComparable
from bench.gate.rule import RECORDED
from bench.gate.this_code.session import Session
from bench.records.schema import Record
from tasks.errors import UserError

LEFT_OUT = keys_deciding("place", "plan", "extent")


def history_for(folder: Path, accepted: str | None) -> tuple[Reason, ...]:
    """Return the history that a new baseline continues. UserError if one exists and no reason is given.

    A damaged baseline may be replaced as well; its history is lost.
    """
    if not is_baseline(folder):
        return ()
    if not (accepted or "").strip():
        raise UserError(
            f'{folder} holds a baseline: give --accept "why" to replace it (the reason is kept), or another folder'
        )
    try:
        return read_baseline(folder).history
    except NotComparable:
        return ()


def record_baseline(
    folder: Path, experiment: Experiment, observer: Observer, *, accepted: str | None, replicates: int = RECORDED
) -> Baseline:
    """Train all replicates and then write the baseline, so that an interrupted run leaves the previous one unchanged.

    Raises UserError if a baseline exists and `accepted` gives no reason, or if a training failed.
    """
    history = history_for(folder, accepted)
    with Session(experiment, observer) as session:
        cells = list(session.configurations)
        records = session.records(cells, range(1, replicates + 1))
        _refuse_failures(records)
        environment, fingerprint = session.environment, session.fingerprint
        recorded = cells_of(records)
    today = datetime.date.today().isoformat()
    reason = Reason(today, environment.get("commit"), (accepted or "").strip() or "first baseline")
    settings = {key: value for key, value in experiment.settings().items() if key not in LEFT_OUT}
    baseline = Baseline(settings, environment, fingerprint, recorded, (*history, reason))
    write_baseline(folder, baseline)
    return baseline


def _refuse_failures(records: Sequence[Record]) -> None:
    failed = [record for record in records if record["status"] not in ("ok", "diverged")]
    if failed:
        first = failed[0]
        where = f"{first['task']['label']} × {first['model']['label']}, replicate {first['replicate']}"
        raise UserError(
            f"{len(failed)} of {len(records)} trainings failed, so nothing was recorded; the first: {where}: "
            f"{first['error']}"
        )
