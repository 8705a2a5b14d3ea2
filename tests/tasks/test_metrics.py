import math

import numpy as np

from tasks.metrics import error_metrics


def test_by_hand():
    scores = error_metrics(np.array([[1.0, 2.0]]), np.array([[4.0, -2.0]]))
    assert scores == {"rmse": math.sqrt(12.5), "mae": 3.5}


def test_masked_steps_do_not_count():
    outputs, targets = np.array([[[1.0], [99.0]]]), np.zeros((1, 2, 1))
    assert error_metrics(outputs, targets, np.array([[True, False]])) == {"rmse": 1.0, "mae": 1.0}
