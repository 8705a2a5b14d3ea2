"""Gradient-boosted trees on the values of the window: a strong predictor without a net, on request."""

from __future__ import annotations

import numpy as np

from tasks.baselines import score
from tasks.contract import Array, Dataset, Reference, Split, Task

NAME = "boosting"


def boosting(task: Task, dataset: Dataset) -> Reference:
    """scikit-learn's HistGradientBoostingRegressor with its default settings, one for each predicted value.

    Its features are all inputs of the window: `(N, T·I)` from inputs `(N, T, I)`. Validation data choose nothing. After
    Friedman 2001 (Annals of Statistics 29:1189), with the binned features of LightGBM (Ke et al. 2017).
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    features, targets = _features(dataset.train), dataset.train.targets
    fitted = [HistGradientBoostingRegressor(random_state=0).fit(features, column) for column in targets.T]

    def predict(split: Split) -> Array:
        return np.stack([model.predict(_features(split)) for model in fitted], axis=1)

    how = "scikit-learn's HistGradientBoostingRegressor on all values of the window"
    return score(task, NAME, "baseline", predict, dataset, how)


def _features(split: Split) -> Array:
    return split.inputs.reshape(len(split), -1).astype(np.float64)
