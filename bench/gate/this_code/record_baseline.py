"""Record a baseline: train every cell's replicates on this code, and store the reason."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench.analysis.formatting import listed
from bench.config.experiment import Experiment
from bench.config.options import keys_deciding
from bench.experiment.observer import Observer
from bench.gate.baseline import Baseline, Reason, cells_of, record_command
from bench.gate.baseline_files import is_baseline, read_manifest, write_baseline
from bench.gate.errors import NotComparable
from bench.gate.replicates import CellName
from bench.gate.rule import RECORDED
from bench.gate.this_code.config_file import ConfigFile
from bench.gate.this_code.session import Session, planned_cells
from bench.records.schema import Record
from tasks.errors import UserError

LEFT_OUT = keys_deciding("place", "plan", "extent")


def history_for(folder: Path, accepted: str | None) -> tuple[Reason, ...]:
    """Return the history that a new baseline continues. UserError if one exists and no reason is given.

    A baseline with a damaged table may be replaced as well; if its manifest is damaged, its history is lost.
    """
    if not is_baseline(folder):
        return ()
    if not (accepted or "").strip():
        raise UserError(
            f"{folder} holds a baseline: give a reason to replace it, which is kept ({record_command(folder)}), or "
            "another folder"
        )
    try:
        return tuple(Reason(**entry) for entry in read_manifest(folder).get("history", ()))
    except (NotComparable, TypeError):
        return ()


def settings_of(folder: Path) -> dict[str, Any]:
    """Return the settings of the experiment that a baseline was recorded with. UserError if they are not known."""
    try:
        return dict(read_manifest(folder)["experiment"])
    except NotComparable as damage:
        why = str(damage)
    except (KeyError, TypeError, ValueError):
        why = "its manifest names none"
    raise UserError(
        f"the experiment of the baseline in {folder} is not known ({why}): say which one, "
        f"{record_command(folder, experiment='--config FILE')} or {record_command(folder, experiment='--recipe gate')}"
    )


def file_of(folder: Path, flags: Iterable[str]) -> ConfigFile | None:
    """The file of a baseline's own experiment, which is recorded again; flags: options that are given otherwise.

    UserError if it now says something else than the baseline: the experiment that it describes would not be recorded.
    """
    config = ConfigFile.of(read_manifest(folder).get("config"))
    if config is None:
        return None
    config = config.with_flags(flags)
    if change := config.change():
        again = record_command(folder, experiment=f"--config {shlex.quote(config.path)}")
        raise UserError(f"{change}: to record what it says give --config as well, {again}, or restore the file")
    return config


def refuse_lost_cells(folder: Path, experiment: Experiment, *, drop_cells: bool) -> None:
    """Raise UserError if the baseline has cells that the experiment does not have, unless they are to be dropped."""
    try:
        cells = read_manifest(folder)["cells"] if is_baseline(folder) else []
        before = [CellName(entry["task"], entry["model"]) for entry in cells]
    except (NotComparable, KeyError, TypeError):  # its manifest is damaged, and names no cells
        return
    lost = [name for name in before if name not in planned_cells(experiment)]
    if lost and not drop_cells:
        raise UserError(
            f"{folder} guards {len(lost)} cell{'s' if len(lost) > 1 else ''} that would be lost "
            f"({listed([str(name) for name in lost])}): leave out --recipe, --config, --models and --tasks to record "
            f"its own experiment again, {record_command(folder)}, or give --drop-cells"
        )


def record_baseline(
    folder: Path,
    experiment: Experiment,
    observer: Observer,
    *,
    accepted: str | None,
    drop_cells: bool = False,
    config: ConfigFile | None = None,
) -> Baseline:
    """Train all replicates and then write the baseline, so that an interrupted run leaves the previous one unchanged.

    config: the file that the experiment was read from, of which a check says if it changes.
    Raises UserError if a baseline exists and `accepted` gives no reason, if cells of it would be lost, or if a training
    failed.
    """
    history = history_for(folder, accepted)
    refuse_lost_cells(folder, experiment, drop_cells=drop_cells)
    with Session(experiment, observer) as session:
        records = session.records(list(session.configurations), range(1, RECORDED + 1))
        _refuse_failures(records)
        environment, fingerprint = session.environment, session.fingerprint
        recorded = cells_of(records)
        traces = session.traces(list(recorded))
        sketches = session.sketches({name: list(cell.replicates) for name, cell in recorded.items()})
    today = datetime.date.today().isoformat()
    reason = Reason(today, environment.get("commit"), (accepted or "").strip() or "first baseline")
    settings = {key: value for key, value in experiment.settings().items() if key not in LEFT_OUT}
    cells = {
        name: replace(
            cell,
            traces={number: trace for number, trace in traces[name].items() if trace},
            sketches={
                number: {quantity: sketch.rounded() for quantity, sketch in found.items()}
                for number, found in sketches[name].items()
                if found
            },
        )
        for name, cell in recorded.items()
    }
    baseline = Baseline(
        settings, environment, fingerprint, cells, (*history, reason), config=asdict(config) if config else None
    )
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
