"""Gradient-boosted trees on the values of the window: a strong predictor without a net, on request."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tasks.baselines import score
from tasks.contract import Array, Dataset, Reference, Task

NAME = "boosting"


def boosting(task: Task, dataset: Dataset) -> Reference:
    """The reference that `fit` makes."""
    predict = fit(dataset)
    how = "scikit-learn's HistGradientBoostingRegressor on all values of the window"
    return score(task, NAME, "baseline", lambda split: predict(split.inputs), dataset, how)


def fit(dataset: Dataset) -> Callable[[Array], Array]:
    """Predictions `(N, O)` from inputs `(N, T, I)`: scikit-learn's HistGradientBoostingRegressor with its default
    settings, one for each predicted value.

    Its features are all inputs of the window, `(N, T·I)`. Validation data choose nothing. After Friedman 2001 (Annals
    of Statistics 29:1189), with the binned features of LightGBM (Ke et al. 2017).
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    features, targets = _features(dataset.train.inputs), dataset.train.targets
    fitted = [HistGradientBoostingRegressor(random_state=0).fit(features, column) for column in targets.T]
    return lambda inputs: np.stack([model.predict(_features(inputs)) for model in fitted], axis=1)


def _features(inputs: Array) -> Array:
    return inputs.reshape(len(inputs), -1).astype(np.float64)
