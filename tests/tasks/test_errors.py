"""Which name a message suggests for one that does not exist."""

from __future__ import annotations

import pytest

from bench.config.options import OPTIONS
from tasks.errors import did_you_mean, nearest, unknown


@pytest.mark.parametrize("name", [name for name in OPTIONS if len(name) > 4])
def test_a_letter_left_out_doubled_or_swapped_is_understood(name: str) -> None:
    for place in range(1, len(name) - 1):
        assert nearest(name[:place] + name[place + 1 :], OPTIONS) == name
        assert nearest(name[:place] + name[place] + name[place:], OPTIONS) == name
        if name != "horizons":  # with two letters swapped it is as near to horizon
            assert nearest(name[:place] + name[place + 1] + name[place] + name[place + 2 :], OPTIONS) == name


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("lr", "lr_range"),
        ("batch", "batch_size"),  # spelt more like match
        ("batchsize", "batch_size"),
        ("patience", "plateau_patience"),
        ("Models", "models"),
        ("re", None),  # results, reports, replicates
        ("", None),
    ],
)
def test_a_name_is_known_by_its_beginning_and_by_most_of_its_letters(given: str, meant: str | None) -> None:
    assert nearest(given, OPTIONS) == meant


@pytest.mark.parametrize("given", ["momentum", "learning_rate", "loss", "adam", "gpu", "cell", "verbose"])
def test_nothing_is_suggested_where_nothing_is_near(given: str) -> None:
    assert nearest(given, OPTIONS) is None
    assert did_you_mean(given, OPTIONS) == ""
    assert str(unknown("option", given, ["time"])) == f"unknown option '{given}': Valid: time"


def test_names_are_suggested_as_they_are_written() -> None:
    assert nearest("revenue", ["Date", "REVENUE"]) == "REVENUE"
    assert did_you_mean("gpu", ["auto", "cpu"], means="cuda") == "did you mean 'cuda'? "
