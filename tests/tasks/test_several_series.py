"""Tables with the rows of several machines: what is said of them, and of tables that only look like it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.errors import UserError
from tasks.reading import Reading, Selection
from tasks.rows import read_rows

HOURS = 40
SAID = "column '{}' tells rows of one 'time' apart: several series"


def frame(column: str, kinds: list[object], shift: int = 0) -> pd.DataFrame:
    """A series for each of `kinds`, one after the other, each beginning some hours after the last."""
    parts = []
    for place, kind in enumerate(kinds):
        time = pd.date_range("2024-05-01", periods=HOURS, freq="h") + pd.Timedelta(hours=shift * place)
        own = {"time": time.strftime("%Y-%m-%d %H:%M"), column: kind, "y": np.arange(HOURS) + 100.0 * place}
        parts.append(pd.DataFrame(own))
    return pd.concat(parts)


@pytest.mark.parametrize("how", ["one after the other", "interleaved"])
@pytest.mark.parametrize(
    ("column", "kinds"), [("machine", ["M1", "M2", "M3"]), ("machine_id", [1, 2, 3]), ("shopId", [17, 4])]
)
@pytest.mark.parametrize("flags", [{}, {"sort": True}])
def test_several_series_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, column: str, kinds: list[object], flags: dict[str, bool]
) -> None:
    monkeypatch.chdir(tmp_path)
    table = frame(column, kinds, shift=5)
    table = table.sort_values(["time", column]) if how == "interleaved" else table
    table.to_csv("m.csv", index=False)
    with pytest.raises(UserError, match=SAID.format(column)) as caught:
        read_rows("m.csv", Reading(time="time", **flags), Selection(("y",)))
    assert "--" not in str(caught.value)  # no flag mends it, and --drop-duplicates would drop most rows
    eval(str(caught.value).partition("in pandas: ")[2], {"pandas": pd})
    wide = pd.read_csv("mended.csv", index_col="time")
    assert len(wide) == HOURS + 5 * (len(kinds) - 1)
    assert set(wide.columns) == set(map(str, kinds))


def test_the_line_of_pandas_keeps_the_order_of_dates_that_are_not_sorted_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    days = pd.date_range("2024-01-20", periods=HOURS).strftime("%d.%m.%Y")
    parts = [pd.DataFrame({"day": days, "shop": shop, "y": np.arange(HOURS) * 1.5}) for shop in ("a", "b")]
    pd.concat(parts).to_csv("m.csv", index=False)
    reading = Reading(time="day", date_format="%d.%m.%Y")
    with pytest.raises(UserError, match="several series") as caught:
        read_rows("m.csv", reading, Selection(("y",)))
    eval(str(caught.value).partition("in pandas: ")[2], {"pandas": pd})
    assert pd.read_csv("mended.csv")["day"].tolist() == days.tolist()
    assert len(read_rows("mended.csv", reading, Selection(("a",))).columns["a"]) == HOURS


def test_gaps_of_several_series_are_not_to_be_filled(tmp_path: Path) -> None:
    table = frame("machine", ["M1", "M2", "M3"])
    table.loc[5, "y"] = np.nan
    table.to_csv(tmp_path / "m.csv", index=False)
    with pytest.raises(UserError, match=SAID.format("machine")) as caught:
        read_rows(str(tmp_path / "m.csv"), Reading(), Selection(("y",)))
    assert "--fill" not in str(caught.value)


def test_dropping_them_and_leaving_out_the_time_are_told(tmp_path: Path) -> None:
    path = str(tmp_path / "m.csv")
    frame("machine", ["M1", "M2", "M3"]).to_csv(path, index=False)
    dropped = read_rows(path, Reading(time="time", sort=True, drop_duplicates=True), Selection(("y",)))
    assert "80 of 120 rows repeat a time and were dropped; " + SAID.format("machine") in dropped.notes[-1]
    (note,) = read_rows(path, Reading(), Selection(("y",))).notes
    assert note.startswith(SAID.format("machine"))


@pytest.mark.parametrize(
    ("column", "kinds"),
    [
        ("vibration", [1, 2, 3]),  # numbers
        ("clock", ["00:00", "08:00", "16:00"]),  # three rows a day of one series
        ("machine", ["M1", "M1"]),
        ("machine", ["M1", ""]),
    ],
)
def test_other_repetitions_are_told_as_before(tmp_path: Path, column: str, kinds: list[object]) -> None:
    path = str(tmp_path / "m.csv")
    frame(column, kinds).to_csv(path, index=False)
    assert read_rows(path, Reading(), Selection(("y",))).notes == ()
    with pytest.raises(UserError, match="must increase"):
        read_rows(path, Reading(time="time"), Selection(("y",)))


def test_a_row_that_was_written_twice_is_no_series(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    lines = frame("state", ["ok"]).to_csv(index=False).splitlines()
    lines.insert(11, lines[10].replace("ok", "warn"))
    path.write_text("\n".join(lines))
    with pytest.raises(UserError, match="keep the first row of each time with --drop-duplicates"):
        read_rows(str(path), Reading(time="time"), Selection(("y",)))
