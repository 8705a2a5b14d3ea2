"""Predictions of a table, written as CSV."""

from __future__ import annotations

import csv
import io

import numpy as np

from bench.training.predict import TablePrediction


def test_a_table_of_predictions_is_read_back_as_it_was() -> None:
    names = ("plain", 'with "quotes"', "with, comma", "with\nnewline", "")
    values = np.random.default_rng(0).normal(size=(3, 5)) * 10.0 ** np.arange(-300, 200, 100)
    text = TablePrediction(names, np.array([4, 5, 6]), values).to_csv()
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert header == ["row", *names]
    assert [int(row[0]) for row in rows] == [4, 5, 6]
    np.testing.assert_array_equal(np.array([row[1:] for row in rows], dtype=float), values)
    assert text.endswith("\n")
    assert "\r" not in text
