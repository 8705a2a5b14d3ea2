"""Every table that is made here is read as it must be, or refused with the flag that mends it; nothing is trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.config.experiment import Experiment
from bench.config.resolve import resolve
from tasks.errors import UserError
from tasks.series import Series
from tasks.validation import validate_dataset

from .own_tables import messages_table, written
from .tables import MADE, MESSY, Made, Messy

DOCS = Path(__file__).parents[2] / "docs" / "own_data.md"


def made(path: Path, options: dict[str, str]) -> Series:
    experiment: Experiment = resolve({"data": str(path), "models": "gru", "budget": "smoke", **options})
    (task,) = experiment.tasks
    assert isinstance(task, Series)
    return task


@pytest.fixture(params=MESSY, ids=lambda case: case.name)
def messy(request: pytest.FixtureRequest) -> Messy:
    case: Messy = request.param
    return case


def test_a_messy_table_is_read_or_refused_in_one_line(messy: Messy, tmp_path: Path) -> None:
    path = tmp_path / f"{messy.name}.csv"
    path.write_bytes(messy.content())
    if messy.refused is None:
        task = made(path, messy.options)
        assert (messy.note or "") in " ".join(task.notes)
        assert bool(messy.note) == bool(task.notes)
        assert validate_dataset(task, task.generate(0))
    else:
        with pytest.raises(UserError) as caught:
            made(path, messy.options)
        assert messy.refused in str(caught.value)
        assert str(caught.value).splitlines() == [str(caught.value)]
        assert len(str(caught.value)) < 2000 + len(str(path))


@pytest.mark.parametrize("messy", [case for case in MESSY if case.mended], ids=lambda case: case.name)
def test_the_flag_that_is_named_mends_it(messy: Messy, tmp_path: Path) -> None:
    path = tmp_path / f"{messy.name}.csv"
    path.write_bytes(messy.content())
    task = made(path, messy.mended or {})
    assert not [note for note in task.notes if "give --" in note]
    assert validate_dataset(task, task.generate(0))
    assert np.isfinite(task.prepared.values).all()


@pytest.mark.parametrize("case", [case for case in MADE if case.name != "large"], ids=lambda case: case.name)
def test_the_references_of_a_made_series_are_as_they_must_be(case: Made, tmp_path: Path) -> None:
    """The predictor that is known to be right has the lowest loss, within 5 %, at most origins."""
    path = written(case, tmp_path)
    task = made(path, case.options)
    right = 0
    replicates = range(1, task.origins.blocks + 1, 3)
    for replicate in replicates:
        here = task.at(replicate)
        losses = {reference.name: reference.valid_loss or 0.0 for reference in here.references(here.generate(0))}
        right += min(losses[name] for name in case.best) <= 1.05 * min(losses.values())
    assert right >= len(replicates) - 1


def test_there_are_at_least_forty() -> None:
    names = [case.name for case in (*MESSY, *MADE)]
    assert len(set(names)) == len(names) >= 40


def test_docs_have_what_is_said_today(tmp_path: Path) -> None:
    assert messages_table(tmp_path) in DOCS.read_text()
