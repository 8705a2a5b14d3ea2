"""How a user's table is read, and which of its columns are used: settings that a task keeps, so that new rows are read
in the same way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from tasks.errors import UserError, short, unknown

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}  # those that are found without being given
_SPELLED = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " ", "pipe": "|"}


@dataclass(frozen=True)
class Reading:
    """delimiter: what separates fields; None: it is found. decimal: "." or ",". time: the column that orders the rows.

    date_format: as in `strptime`; None: ISO 8601. time_zone: of dates without one, as in "Europe/Berlin".
    sort: rows by time. drop_duplicates: keep the first row of each time. resample: a period, such as "W", whose mean
    each row becomes. fill: "forward" repeats the last value in gaps, "none" refuses them.
    """

    delimiter: str | None = None
    decimal: str = "."
    date_format: str | None = None
    time: str | None = None
    time_zone: str | None = None
    sort: bool = False
    drop_duplicates: bool = False
    resample: str | None = None
    fill: str = "none"

    def __post_init__(self) -> None:
        """UserError for values that make no sense, alone or together."""
        if self.delimiter is not None:
            object.__setattr__(self, "delimiter", _SPELLED.get(self.delimiter, self.delimiter))
            if len(self.delimiter) != 1 or self.delimiter in '"\r\n\0':
                raise UserError(f"--delimiter is {short(self.delimiter)}: expected one character, or tab")
            if self.delimiter == self.decimal:
                raise UserError(
                    f"--delimiter and --decimal are both {short(self.decimal)}, so no number could be told from two "
                    "fields: give another of them, or leave out --delimiter, which is then found"
                )
        for name, choices in {"decimal": (".", ","), "fill": ("none", "forward")}.items():
            if getattr(self, name) not in choices:
                raise unknown(f"value of --{name}", getattr(self, name), choices)
        self._check_date_format()
        for flag in ("date_format", "time_zone", "sort", "drop_duplicates", "resample"):
            if getattr(self, flag) and self.time is None:
                raise UserError(f"--{flag.replace('_', '-')} is about the time column: give --time COLUMN as well")

    def _check_date_format(self) -> None:
        if self.date_format is None:
            return
        expected = "expected codes of strptime, as in %d.%m.%Y"
        if "%" not in self.date_format:
            raise UserError(f"--date-format is {short(self.date_format)}: {expected}, or leave it out for ISO dates")
        try:
            datetime.strptime("", self.date_format)
        except ValueError:  # no date, or a code that there is not: said with the date that it cannot read
            pass
        except re.error:
            raise UserError(f"--date-format is {short(self.date_format)}: it has a code twice; {expected}") from None


CALENDAR = ("hour", "weekday", "month")


@dataclass(frozen=True)
class Selection:
    """The columns that a task uses.

    targets: predicted, and inputs. features: inputs. categorical: inputs of words, one input for each word. known:
    inputs that are known in advance, and so are read at the row to be forecast; each may be categorical. calendar: what
    is made of the time to be forecast.
    """

    targets: tuple[str, ...]
    features: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    calendar: tuple[str, ...] = ()

    def check(self, time: str | None) -> None:
        """UserError where a column has two roles that exclude each other."""
        if not self.targets:
            raise UserError("series needs a target column: give --target COLUMN")
        for flag in ("target", "features", "categorical", "known", "calendar"):
            columns = self.targets if flag == "target" else getattr(self, flag)
            for column in columns:
                if not all(character.isprintable() for character in column):
                    plain = "".join(character for character in column if character.isprintable())
                    raise UserError(
                        f"--{flag} has {short(column)}, with characters that cannot be printed: names of columns are "
                        f"read without these, so give {short(plain)}"
                    )
                if columns.count(column) > 1:
                    raise UserError(f"{short(column)} is given twice in --{flag}: name each column once")
                if column == time and flag != "calendar":
                    raise UserError(f"{short(column)} is both --time and --{flag}: leave it out of one of them")
                if column in self.targets and flag == "categorical":
                    raise UserError(
                        f"{short(column)} is both --target and --categorical: a target must be numbers, as classes "
                        "cannot be forecast: leave it out of --target, or, if it has numbers, out of --categorical"
                    )
                if column in self.targets and flag not in ("target", "calendar"):
                    raise UserError(
                        f"{short(column)} is both --target and --{flag}: leave it out of --{flag}; a target's own past "
                        "is always an input"
                    )
        for part in self.calendar:
            if part not in CALENDAR:
                raise unknown("part of --calendar", part, CALENDAR)
        if self.calendar and time is None:
            raise UserError("--calendar is made of the time column: give --time COLUMN as well")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that are inputs, each once, the targets first."""
        return tuple(dict.fromkeys((*self.targets, *self.features, *self.categorical, *self.known)))
