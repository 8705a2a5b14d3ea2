"""How often a paired test over forecast origins finds a difference where there is none.

    python tests/calibration/folds.py [SIMULATIONS]        # 2000: about a minute of one core

Each simulated series is cut as the task `series` cuts a file, and two cheap forecasters (ridge regression on the last
rows) are fitted and tested at every origin. A difference is the logarithm of the ratio of their test losses. Pairs:

    sensors     equal forecasters, each of which sees the series with measurement noise of its own: exchangeable, so
                the expected difference is 0; the noise of the training rows is shared by all origins
    features    equal forecasters with random features drawn anew at every origin, as nets with other initial weights
    orders      autoregressions of order 1 and 6, tested against their true mean difference (that of all simulations)
    one draw    as "features", but drawn once for all origins, as one search chooses one configuration for all: what
                such a choice brings is in no interval over origins, corrected or not

Share of 2000 simulations with p < 0.05 (standard error of 5 %: 0.5 %):

| pair | series | rows | origins | uncorrected | corrected |
| --- | --- | ---: | ---: | ---: | ---: |
| sensors | AR(1) | 100 | 5 | 4.5% | 2.5% |
| sensors | AR(1) | 200 | 10 | 4.0% | 1.0% |
| sensors | AR(1) | 600 | 10 | 5.3% | 2.6% |
| sensors | AR(2) | 100 | 5 | 5.2% | 2.9% |
| sensors | AR(2) | 200 | 10 | 6.0% | 2.5% |
| sensors | AR(2) | 600 | 10 | 4.2% | 1.6% |
| sensors | seasonal | 100 | 5 | 4.5% | 1.9% |
| sensors | seasonal | 200 | 10 | 3.6% | 1.5% |
| sensors | seasonal | 600 | 10 | 5.2% | 1.9% |
| features | AR(1) | 100 | 5 | 3.9% | 1.7% |
| features | AR(1) | 200 | 10 | 4.9% | 1.7% |
| features | AR(1) | 600 | 10 | 4.5% | 1.6% |
| features | AR(2) | 100 | 5 | 4.8% | 2.9% |
| features | AR(2) | 200 | 10 | 4.0% | 1.6% |
| features | AR(2) | 600 | 10 | 5.4% | 1.9% |
| features | seasonal | 100 | 5 | 3.7% | 1.9% |
| features | seasonal | 200 | 10 | 5.1% | 1.8% |
| features | seasonal | 600 | 10 | 4.7% | 1.8% |
| orders | AR(1) | 100 | 5 | 6.3% | 3.2% |
| orders | AR(1) | 200 | 10 | 6.0% | 2.8% |
| orders | AR(1) | 600 | 10 | 6.0% | 2.8% |
| orders | AR(2) | 100 | 5 | 5.3% | 3.1% |
| orders | AR(2) | 200 | 10 | 5.3% | 2.4% |
| orders | AR(2) | 600 | 10 | 6.1% | 2.1% |
| orders | seasonal | 100 | 5 | 7.2% | 3.9% |
| orders | seasonal | 200 | 10 | 7.3% | 3.7% |
| orders | seasonal | 600 | 10 | 5.9% | 2.5% |
| one draw | AR(1) | 100 | 5 | 6.0% | 3.2% |
| one draw | AR(1) | 200 | 10 | 9.2% | 4.2% |
| one draw | AR(1) | 600 | 10 | 17.9% | 10.5% |
| one draw | AR(2) | 100 | 5 | 8.8% | 5.7% |
| one draw | AR(2) | 200 | 10 | 13.2% | 7.4% |
| one draw | AR(2) | 600 | 10 | 27.4% | 18.4% |
| one draw | seasonal | 100 | 5 | 5.2% | 2.5% |
| one draw | seasonal | 200 | 10 | 6.8% | 2.5% |
| one draw | seasonal | 600 | 10 | 11.3% | 6.8% |

The corrected test stays below 5 % wherever models are drawn anew at every origin, as replicates are. It is
conservative: with ten origins and blocks of 4 % of the rows its intervals are about a quarter wider than plain ones.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench.analysis.stats import paired_difference
from bench.analysis.stats.folds import corrected_paired
from tasks.origins import Origins, find_origins

Array = NDArray[np.float64]
WINDOW, RIDGE, SEASON = 8, 1.0, 12
LEVEL = 0.05


def autoregressive(*weights: float) -> Callable[[np.random.Generator, int], Array]:
    """Series `(rows,)` of an autoregression with standard normal innovations, after a burn-in."""

    def draw(rng: np.random.Generator, rows: int) -> Array:
        noise = rng.standard_normal(rows + 100)
        values = np.zeros(rows + 100)
        for t in range(len(weights), len(values)):
            values[t] = noise[t] + sum(w * values[t - 1 - i] for i, w in enumerate(weights))
        return values[100:]

    return draw


def seasonal(rng: np.random.Generator, rows: int) -> Array:
    phase = 2 * np.pi * (np.arange(rows) / SEASON + rng.random())
    return 2 * np.sin(phase) + autoregressive(0.5)(rng, rows)


PROCESSES = {"AR(1)": autoregressive(0.8), "AR(2)": autoregressive(1.2, -0.5), "seasonal": seasonal}


def windows(values: Array, rows: range, order: int) -> Array:
    """`(len(rows), order)`: the values before each of `rows`, the latest first."""
    return np.stack([values[rows.start - lag : rows.stop - lag] for lag in range(1, order + 1)], axis=1)


def ridge_loss(inputs: tuple[Array, Array], targets: tuple[Array, Array]) -> float:
    """Mean squared error on test data of a ridge regression fitted on training data; each a (training, test) pair."""
    train, test = (np.concatenate([x, np.ones((len(x), 1))], axis=1) for x in inputs)
    penalty = RIDGE * np.eye(train.shape[1])
    penalty[-1, -1] = 0.0
    weights = np.linalg.solve(train.T @ train + penalty, train.T @ targets[0])
    return float(((test @ weights - targets[1]) ** 2).mean())


def differences(pair: str, values: Array, origins: Origins, rng: np.random.Generator) -> Array:
    """Log ratio of the two test losses at each origin, `(blocks,)`."""
    sensors = [values + 0.5 * values.std() * rng.standard_normal(len(values)) for _ in range(2)]
    once, found = rng.standard_normal((2, 6, 12)), []
    for block in range(origins.blocks):
        train, _, test = origins.target_rows(block)
        targets = values[train.start : train.stop], values[test.start : test.stop]
        losses = []
        for member in range(2):
            order = (1, 6)[member] if pair == "orders" else 6
            seen = sensors[member] if pair == "sensors" else values
            inputs = windows(seen, train, order), windows(seen, test, order)
            if pair in ("features", "one draw"):
                hidden = (once[member] if pair == "one draw" else rng.standard_normal((6, 12))) / np.sqrt(order)
                inputs = np.tanh(inputs[0] @ hidden), np.tanh(inputs[1] @ hidden)
            losses.append(ridge_loss(inputs, targets))
        found.append(np.log(losses[0] / losses[1]))
    return np.array(found)


def rejections(pair: str, process: str, rows: int, simulations: int) -> tuple[int, float, float]:
    """Origins, and the share of simulations in which the uncorrected and the corrected test find a difference."""
    origins = find_origins(rows, WINDOW, 1)
    assert origins is not None
    rng = np.random.default_rng([rows, *map(ord, pair + process)])
    drawn = np.array([differences(pair, PROCESSES[process](rng, rows), origins, rng) for _ in range(simulations)])
    truth = drawn.mean() if pair == "orders" else 0.0
    train = [origins.parts(block)[0].stop for block in range(origins.blocks)]
    plain = np.mean([paired_difference(each - truth, 0.0).p < LEVEL for each in drawn])
    corrected = np.mean([corrected_paired(each - truth, train, origins.block_rows).p < LEVEL for each in drawn])
    return origins.blocks, float(plain), float(corrected)


def main() -> None:
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print(
        f"{simulations} simulations a row: standard error of a share of 5 %: {(0.05 * 0.95 / simulations) ** 0.5:.1%}"
    )
    print("| pair | series | rows | origins | uncorrected | corrected |\n| --- | --- | ---: | ---: | ---: | ---: |")
    for pair in ("sensors", "features", "orders", "one draw"):
        for process in PROCESSES:
            for rows in (100, 200, 600):
                blocks, plain, corrected = rejections(pair, process, rows, simulations)
                print(f"| {pair} | {process} | {rows} | {blocks} | {plain:.1%} | {corrected:.1%} |", flush=True)


if __name__ == "__main__":
    main()
