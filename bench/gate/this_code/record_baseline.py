"""Recording a baseline: every cell's replicates on this code, and why."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from bench.config.options import PLACES
from bench.config.resolve import SECOND_PROTOCOL, Experiment
from bench.experiment.observer import Observer
from bench.gate.baseline import Baseline, Reason, cells_of, is_baseline, read_baseline, write_baseline
from bench.gate.errors import CantCompare
from bench.gate.rule import RECORDED
from bench.gate.this_code.session import Session
from bench.records.schema import Record
from tasks.errors import UserError

LEFT_OUT = (*PLACES, *SECOND_PROTOCOL, "replicates", "trials", "budget", "save_models", "prune")


def history_for(folder: Path, accepted: str | None) -> tuple[Reason, ...]:
    """The history that a new baseline goes on with. UserError where one is there and no reason is given.

    A damaged baseline may be replaced too; its history is lost with it.
    """
    if not is_baseline(folder):
        return ()
    if not (accepted or "").strip():
        raise UserError(
            f'{folder} holds a baseline: give --accept "why" to replace it (the reason is kept), or another folder'
        )
    try:
        return read_baseline(folder).history
    except CantCompare:
        return ()


def record_baseline(
    folder: Path, experiment: Experiment, observer: Observer, *, accepted: str | None, replicates: int = RECORDED
) -> Baseline:
    """Train all replicates and write the baseline, at the end and at once: a run that is ended leaves what was there.

    Raises UserError where a baseline is there and `accepted` gives no reason, or a training failed.
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
