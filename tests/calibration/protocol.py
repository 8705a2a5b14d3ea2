"""What the comparison protocol promises, checked: intervals that cover, equal models that are not told apart.

    python tests/calibration/protocol.py simulate                 # prints the tables of simulated experiments
    python tests/calibration/protocol.py simulate --experiments N # how many for each row (default 1000)
    python tests/calibration/protocol.py real DIR NAME NAME ...   # experiments that differ in their root seed alone

Simulated experiments are whole: records, from which the pipeline makes results, pairs and verdicts. A model's loss on a
replicate is what its data make of it (shared), what its search found, and what its training made of that. `real`
compares every model with itself under each pair of root seeds, and looks for verdicts that contradict each other.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from bench.analysis import stats
from bench.analysis.model_pairs import LOG_MARGIN
from bench.analysis.results import Results, load
from bench.analysis.selected import loss_table
from bench.analysis.sequential import states

LEVEL = 0.05
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
    """An experiment in which all models are one; `numpy_gru` is `gru` but for rounding."""
    found = []
    for task in TASKS:
        for replicate in range(1, replicates + 1):
            difficulty = float(rng.normal(0, 0.4))
            own = {model: drawn(rng, kind, difficulty) for model in MODELS}
            own["numpy_gru"] = None if own["gru"] is None else own["gru"] + float(rng.normal(0, 1e-5))
            found += [record(task, model, replicate, loss) for model, loss in own.items()]
    return found


def won_something(records: list[dict[str, Any]], **settings: Any) -> bool:
    """Whether any verdict has a winner."""
    results = Results("simulated", tuple(records), {"experiment": settings, "protocol": 2})
    return any(verdict.settled for verdict in results.conclusions.standings)


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
            if any(verdict.settled for verdict in results.conclusions.standings):
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


def real(folder: str, names: list[str]) -> Iterator[str]:
    """Every model against itself under each pair of root seeds, and verdicts that contradict each other."""
    experiments = [load(name, folder) for name in names]
    first, rows, all_pairs, all_found = experiments[0], [], 0, 0
    for match in first.matches:
        for task in first.tasks:
            for model in first.models:
                tables = [loss_table(each, match, task).log_loss for each in experiments]
                p = [
                    stats.compare_losses(*_paired(a[model], b[model]), LOG_MARGIN).p
                    for a, b in combinations([t for t in tables if model in t], 2)
                ]
                found = sum(value < LEVEL for value in p)
                all_pairs, all_found = all_pairs + len(p), all_found + found
                rows.append((f"{task} ({match})", model, f"{found} of {len(p)}"))
    error = 2 * math.sqrt(LEVEL * (1 - LEVEL) / max(all_pairs, 1))
    share = (
        f"{all_found} of {all_pairs} ({100 * all_found / max(all_pairs, 1):.0f} %; 5 % ± {100 * error:.0f} % expected)"
    )
    yield table(("task", "model against itself", "p < 0.05"), [*rows, ("all", "", share)])
    won: dict[tuple[str, str], set[str]] = {}
    for each in experiments:
        for verdict in each.verdicts:
            won.setdefault((verdict.match, verdict.task), set()).update([verdict.winner] if verdict.winner else [])
    said = [(f"{task} ({match})", ", ".join(sorted(names)) or "none") for (match, task), names in won.items()]
    yield table(("task", "winners over all root seeds (more than one contradict each other)"), said)


def _paired(first: Any, second: Any) -> tuple[np.ndarray, np.ndarray]:
    n = min(len(first), len(second))
    return first.to_numpy(float)[:n], second.to_numpy(float)[:n]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    simulated = commands.add_parser("simulate")
    simulated.add_argument("--experiments", type=int, default=1000)
    recorded = commands.add_parser("real")
    recorded.add_argument("folder")
    recorded.add_argument("names", nargs="+")
    given = parser.parse_args()
    tables = simulate(given.experiments) if given.command == "simulate" else real(given.folder, given.names)
    for each in tables:
        print(each, end="\n\n", flush=True)


if __name__ == "__main__":
    main()
