"""What the comparison protocol promises, simulated: intervals that cover, equal models that are not told apart.

    python tests/calibration/protocol.py                  # prints the tables, 1000 experiments for each number
    python tests/calibration/protocol.py --experiments N

Simulated experiments are whole: records, from which the pipeline makes results, pairs and verdicts. A model's loss on a
replicate is what its data make of it (shared), what its search found, and what its training made of that.
`same_model.py` looks at real trainings.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.analysis import stats
from bench.analysis.model_pairs import LOG_MARGIN
from bench.analysis.results import Results
from bench.analysis.sequential import states

TRIALS = 6
MODELS = ("gru", "numpy_gru", "lstm", "rnn")
TASKS = ("sine", "regression", "copy")
KINDS = ("normal", "skewed", "outliers", "ties", "failures on hard replicates")


def searched(rng: np.random.Generator, *, trials: int = TRIALS, spread: float = 0.3) -> float:
    """log10 test loss of what a search selects: the trial that is best on validation data, with its noise on both."""
    quality = rng.normal(0, spread, trials)
    chosen = int(np.argmin(quality + rng.normal(0, 0.1, trials)))
    return float(quality[chosen] + rng.normal(0, 0.1))


def drawn(rng: np.random.Generator, kind: str, difficulty: float) -> float | None:
    """log10 test loss of one replicate of one model; None for a failure."""
    if kind == "failures on hard replicates" and difficulty > 0.5 and rng.random() < 0.7:
        return None
    loss = difficulty + searched(rng)
    if kind == "skewed":
        loss += float(rng.exponential(0.4))
    if kind == "outliers" and rng.random() < 0.1:
        loss += 2.0
    return round(loss, 1) if kind == "ties" else loss


def record(task: str, model: str, replicate: int, log_loss: float | None) -> dict[str, Any]:
    """The least that results are made of."""
    cell = model.removeprefix("numpy_")
    test = None if log_loss is None else {"loss": 10**log_loss, "skill": 1 - 10**log_loss}
    return {
        "stage": "trial",
        "key": f"{task}-{model}-{replicate}",
        "match": "tuned",
        "task": {"name": task},
        "model": {"name": model, "hidden_size": 32, "num_layers": 1, "init": "default"},
        "training": {"learning_rate": 1e-3, "batch_size": 64, "steps": 1000},
        "trial": 0,
        "replicate": replicate,
        "status": "ok" if log_loss is not None else "diverged",
        "test": test,
        "curve": {"step": [0, 1000], "valid_loss": [1.0 + len(cell) / 10, 0.1 if test else None]},
        "hashes": {"weights": f"{cell}-{replicate}"},
    }


def equal_models(rng: np.random.Generator, kind: str, replicates: int) -> list[dict[str, Any]]:
    """An experiment without a winner, in the way in which one is most easily found: `gru` and `lstm` are equal, and far
    better than `rnn`, so that nothing but their tie stands in the way. `numpy_gru` is `gru` but for rounding."""
    found = []
    for task in TASKS:
        for replicate in range(1, replicates + 1):
            difficulty = float(rng.normal(0, 0.4))
            own = {model: drawn(rng, kind, difficulty) for model in MODELS}
            own["numpy_gru"] = None if own["gru"] is None else own["gru"] + float(rng.normal(0, 1e-5))
            own["rnn"] = None if own["rnn"] is None else own["rnn"] + 2.0
            found += [record(task, model, replicate, loss) for model, loss in own.items()]
    return found


def won_something(records: list[dict[str, Any]], **settings: Any) -> bool:
    """Whether any verdict has a winner."""
    results = Results("simulated", tuple(records), {"experiment": settings, "protocol": 2})
    return any(verdict.settled for verdict in results.conclusions.bare_verdicts)


def false_winners(kind: str, experiments: int, replicates: int = 7, seed: int = 0) -> float:
    """The share of experiments with equal models in which a winner is named."""
    rng = np.random.default_rng([seed, KINDS.index(kind), replicates])
    return sum(won_something(equal_models(rng, kind, replicates)) for _ in range(experiments)) / experiments


def false_winners_until_settled(kind: str, experiments: int, cap: int = 28, seed: int = 0) -> float:
    """The same where replicates are added until nothing is open, looking after each: the whole way of `states`."""
    rng = np.random.default_rng([seed, 99, KINDS.index(kind)])
    wrong = 0
    for _ in range(experiments):
        records = equal_models(rng, kind, cap)
        for n in range(5, cap + 1):
            seen = tuple(r for r in records if r["replicate"] <= n)
            manifest = {"experiment": {"until_settled": True}, "protocol": 2, "first_look": 7}
            results = Results("simulated", seen, manifest)
            if any(verdict.settled for verdict in results.conclusions.bare_verdicts):
                wrong += 1
                break
            if "open" not in states(results, cap).values():
                break
    return wrong / experiments


def coverage(n: int, experiments: int, *, once: bool = False, seed: int = 0) -> float:
    """How often the 95 % interval of two models' difference holds the truth, which includes the search.

    once: one search for all replicates, whose luck is in no interval.
    """
    rng = np.random.default_rng([seed, n, once])
    truth, covered = -0.2, 0
    for _ in range(experiments):
        shared = rng.normal(0, 0.4, n)
        sides = []
        for shift in (truth, 0.0):
            noise = rng.normal(0, 0.15, n)
            luck = np.full(n, searched(rng)) if once else np.array([searched(rng) for _ in range(n)])
            sides.append(shared + shift + luck + noise)
        found = stats.compare_losses(*sides, LOG_MARGIN)
        covered += bool(found.low <= truth <= found.high)
    return covered / experiments


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Markdown."""
    lines = [head, tuple("--:" if i else ":--" for i in range(len(head))), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def simulate(experiments: int) -> Iterator[str]:
    """The tables of simulated experiments, each as soon as it is known."""
    rows = [
        (str(n), f"{100 * coverage(n, experiments):.1f} %", f"{100 * coverage(n, experiments, once=True):.1f} %")
        for n in (5, 7, 10, 20)
    ]
    yield table(("replicates", "coverage, a search each", "coverage, one search"), rows)
    rows = [
        (kind, f"{100 * false_winners(kind, experiments):.1f} %", f"{100 * false_winners(kind, experiments, 10):.1f} %")
        for kind in KINDS
    ]
    yield table(("equal models", "false winner, 7 replicates", "10 replicates"), rows)
    few = max(20, experiments // 10)
    rows = [(kind, f"{100 * false_winners_until_settled(kind, few):.1f} %") for kind in KINDS]
    yield table((f"equal models, until settled ({few} experiments)", "false winner at any time"), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=1000, help="Simulated experiments for each number.")
    for each in simulate(parser.parse_args().experiments):
        print(each, end="\n\n", flush=True)


if __name__ == "__main__":
    main()
