"""What a report's correction for many tests promises, and what it finds: Benjamini and Hochberg's beside Holm's.

    python tests/calibration/correction.py

Pages with known answers are drawn: three models on each task under three rules of fairness, two of which share the
first model's trainings. On a share of the tasks the models differ, one standard deviation of a paired difference each.
Printed for each correction: the share of pages with any false difference, the share of false ones among those that a
page calls clear (its mean over pages), and the share of true ones that are found. "repeated": replicates are added to a
task from 7 to 20, as `--until-settled` does, while one of its pairs is open; the p-values are those of `sequential_p`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats as scipy_stats

from bench.analysis import stats
from bench.analysis.levels import LEVEL

MODELS, RULES, FIRST, CAP = 3, 3, 7, 20
PAIRS = list(combinations(range(MODELS), 2))
CORRECTIONS = {"Benjamini and Hochberg": stats.benjamini_hochberg, "Holm": stats.holm}
Array = NDArray[np.float64]
Correct = Callable[[Array], Array]


def page(rng: np.random.Generator, tasks: int, share: float) -> tuple[Array, NDArray[np.bool_]]:
    """Differences of log losses of all pairs `(tasks, RULES · pairs, CAP)`, and which of them are true ones."""
    apart = np.arange(MODELS) * np.sqrt(2.0) * (rng.random(tasks) < share)[:, None]
    noise = rng.standard_normal((tasks, RULES, MODELS, CAP))
    noise[:, 2, 0] = noise[:, 1, 0]
    losses = noise + apart[:, None, :, None]
    differences = np.stack([losses[:, :, a] - losses[:, :, b] for a, b in PAIRS], axis=2)
    true = np.stack([apart[:, a] != apart[:, b] for a, b in PAIRS], axis=1)
    return differences.reshape(tasks, -1, CAP), np.tile(true, (1, RULES))


def once(differences: Array, correct: Correct) -> Array:
    """Corrected p-values of the t-tests on the first replicates."""
    p: Array = np.asarray(scipy_stats.ttest_1samp(differences[..., :FIRST], 0, axis=-1).pvalue)
    return correct(p.ravel()).reshape(p.shape)


def repeated(differences: Array, correct: Correct) -> Array:
    """Corrected p-values where replicates are added to each task until all of its pairs are settled."""
    looks = stats.sequential_p(differences, first_look=FIRST)
    n = np.full(len(differences), FIRST)
    while True:
        p = np.take_along_axis(looks, (n - 1)[:, None, None], axis=-1)[..., 0]
        adjusted = correct(p.ravel()).reshape(p.shape)
        going_on = (adjusted >= LEVEL).any(axis=1) & (n < CAP)
        if not going_on.any():
            return adjusted
        n += going_on


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1000)
    pages = parser.parse_args().pages
    print("| tasks | that differ | replicates | correction | pages with a false one | false of the clear | found |")
    print("| ---: | ---: | --- | --- | ---: | ---: | ---: |")
    for tasks, share in ((1, 0.0), (3, 0.0), (32, 0.0), (3, 0.3), (32, 0.3), (32, 0.6)):
        drawn = [page(np.random.default_rng([tasks, int(10 * share), i]), tasks, share) for i in range(pages)]
        for how in (once, repeated):
            for name, correct in CORRECTIONS.items():
                said = [(how(differences, correct) < LEVEL, true) for differences, true in drawn]
                wrong = [(clear & ~true).sum() for clear, true in said]
                share_wrong = np.mean([w / max(1, clear.sum()) for w, (clear, _) in zip(wrong, said, strict=True)])
                found = [(clear & true).sum() / true.sum() for clear, true in said if true.any()]
                cells = (np.mean(np.array(wrong) > 0), share_wrong, np.mean(found) if found else np.nan)
                numbers = " | ".join("–" if np.isnan(cell) else f"{100 * cell:.1f} %" for cell in cells)
                print(f"| {tasks} | {100 * share:.0f} % | {how.__name__} | {name} | {numbers} |", flush=True)


if __name__ == "__main__":
    main()
