"""Files that are no CSV: Parquet is read; others are recognised, so that the message says how to make a CSV of them."""

from __future__ import annotations

import datetime
import importlib.util
import io
from typing import Any

from tasks.csv_file import ParsedFile
from tasks.errors import UserError
from tasks.reading import Reading

PARQUET = b"PAR1"
_BEGINNINGS: dict[bytes, tuple[str, ...]] = {  # what it is, how pandas reads it, the package that this needs
    b"PK\x03\x04": ("an Excel workbook (or another ZIP archive)", "pandas.read_excel({path!r})", "openpyxl"),
    b"\xd0\xcf\x11\xe0": ("an Excel workbook of before 2007", "pandas.read_excel({path!r})", "xlrd"),
    b"\x1f\x8b": ("compressed (gzip)", "pandas.read_csv({path!r}, compression='gzip', sep=None, engine='python')"),
    b"BZh": ("compressed (bzip2)", "pandas.read_csv({path!r}, compression='bz2', sep=None, engine='python')"),
    b"\x28\xb5\x2f\xfd": (
        "compressed (Zstandard)",
        "pandas.read_csv({path!r}, compression='zstd', sep=None, engine='python')",
    ),
    b"ARROW1": ("a Feather file", "pandas.read_feather({path!r})", "pyarrow"),
    b"\x89HDF": ("an HDF5 file", "pandas.read_hdf({path!r})", "tables"),
    b"SQLite format 3": ("an SQLite database", "pandas.read_sql('select * from TABLE', 'sqlite:///' + {path!r})"),
    b"\xff\xfe": ("UTF-16 text", "pandas.read_csv({path!r}, encoding='utf-16', sep=None, engine='python')"),
    b"\xfe\xff": ("UTF-16 text", "pandas.read_csv({path!r}, encoding='utf-16', sep=None, engine='python')"),
}
_MARKUP = {
    b'{"': "JSON",
    b"[{": "JSON",
    b"<!doc": "HTML",
    b"<html": "HTML",
    b"<table": "HTML",
    b"<?xml": "XML",
    b"%pdf": "PDF",
}


def refuse_other_formats(path: str, data: bytes) -> None:
    """UserError for content that is known to be no CSV, with a line of pandas that makes one."""
    for beginning, (what, read, *packages) in _BEGINNINGS.items():
        if data.startswith(beginning):
            how = "".join(f" (which needs: pip install {package})" for package in packages)
            line = f"{read.format(path=path)}.to_csv('mended.csv', index=False)"
            mend = f"save it as CSV with UTF-8 encoding; in pandas{how}: {line}"
            raise UserError(f"{path} is {what}, not UTF-8 text: {mend}")
    start = b"".join(data[:200].removeprefix(b"\xef\xbb\xbf").split()).lower()
    for beginning, what in _MARKUP.items():
        if start.startswith(beginning):
            raise UserError(f"{path} looks like {what}: save the table in it as CSV with UTF-8 encoding")


def parse_parquet(path: str, data: bytes, reading: Reading) -> ParsedFile:
    """The columns of a Parquet file as text, from which the same numbers are read again, bit for bit."""
    if importlib.util.find_spec("pyarrow") is None:
        raise UserError(f"{path} is a Parquet file, and pyarrow is not installed: pip install 'bench[parquet]'")
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(io.BytesIO(data))
        columns = [[_text(value, reading.decimal) for value in column.to_pylist()] for column in table.columns]
    except (pyarrow.ArrowException, OSError, ValueError, TypeError, OverflowError) as error:
        raise UserError(f"{path} is no readable Parquet file: {str(error).splitlines()[0]}") from None
    rows = [list(row) for row in zip(*columns, strict=True)]
    return ParsedFile(list(table.column_names), rows, list(range(2, len(rows) + 2)), ",")


def _text(value: Any, decimal: str) -> str:
    """As a CSV file has it. Truth values are 1 and 0."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return repr(value) if decimal == "." else repr(value).replace(".", decimal)
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    return str(value)
