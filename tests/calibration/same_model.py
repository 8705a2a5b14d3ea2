"""How often a model differs from itself under another root seed: the protocol's own false positives, on real trainings.

    python tests/calibration/same_model.py --each results/aa                         # runs what is missing
    python tests/calibration/same_model.py --each results/aa --once results/aa-once  # and with one search for all
    python tests/calibration/same_model.py --each results/aa --write                 # and writes it into docs/report.md
    python tests/calibration/same_model.py --once results/old --read                 # runs nothing

A folder holds the experiments aa-0, aa-1, …: the same models on the default tasks, with nothing but the root seed
changed. A run that was interrupted goes on where it stopped. Replicates of different root seeds share neither data nor
weights, so a model is compared with itself by Welch's unpaired t-test on the log test loss of the selected trials.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from bench.analysis.levels import LEVEL, SMALLEST_LOSS
from bench.analysis.results import Results, load

PAGE = Path(__file__).parents[2] / "docs" / "report.md"
SECTION = "same model"
TUNES = {"each": "a search of its own for each replicate", "once": "one search for all replicates"}

SIMULATIONS = 2000

Place = tuple[str, str]  # comparison and task
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """What one experiment gave: log test losses of each (place, model), NaN for a failure; and each place's winner."""

    losses: Mapping[tuple[Place, str], Array]
    winners: Mapping[Place, str | None]


@dataclass(frozen=True)
class SamePair:
    """One model on one task under two root seeds, by their places."""

    place: Place
    model: str
    seeds: tuple[int, int]
    p: float

    @property
    def disjoint(self) -> bool:
        """Whether it is one of those that share no experiment: the first two seeds, the next two, …"""
        first, second = self.seeds
        return first % 2 == 0 and second == first + 1


def see(results: Results) -> Seen:
    """Read what is needed from an experiment, so that its records can go."""
    table = results.selected
    loss = table["test_loss"].where(table["status"] == "ok").clip(lower=SMALLEST_LOSS)
    table = table.assign(log_loss=np.log(loss.to_numpy(float)))
    losses = {
        ((str(match), str(task)), str(model)): rows["log_loss"].to_numpy(float)
        for (match, task, model), rows in table.groupby(["match", "task", "model"], sort=False)
    }
    return Seen(losses, {(v.match, v.task): v.winner for v in results.verdicts})


def same_pairs(seen: Sequence[Seen]) -> list[SamePair]:
    """Each model against itself under every two root seeds. A failure counts as the worst loss on its task."""
    found = []
    for place, model in seen[0].losses:
        sides = [each.losses[place, model] for each in seen if (place, model) in each.losses]
        everything = np.concatenate([values for each in seen for (p, _), values in each.losses.items() if p == place])
        worst = float(np.nanmax(everything, initial=-np.inf))
        sides = [np.where(np.isnan(values), worst, values) for values in sides]
        for i, j in combinations(range(len(sides)), 2):
            p = float(stats.ttest_ind(sides[i], sides[j], equal_var=False).pvalue)
            found.append(SamePair(place, model, (i, j), p))
    return found


def settled_both_ways(seen: Sequence[Seen]) -> list[Place]:
    """The tasks that have different certain winners under different root seeds."""
    places = list(dict.fromkeys(place for each in seen for place in each.winners))
    return [place for place in places if len({each.winners.get(place) for each in seen} - {None}) > 1]


def share(pairs: Sequence[SamePair]) -> tuple[str, str, str]:
    """How many pairs, how many of them differ, and the share with its exact binomial 95 % interval."""
    n, differ = len(pairs), sum(pair.p < LEVEL for pair in pairs)
    bounds = stats.binomtest(differ, n).proportion_ci(confidence_level=0.95, method="exact")
    return str(n), str(differ), f"{100 * differ / n:.1f} % ({100 * bounds.low:.1f} to {100 * bounds.high:.1f} %)"


def expected(pairs: Sequence[SamePair], replicates: int, rng: np.random.Generator) -> str:
    """The shares between which 95 % of such comparisons lie where nothing differs, by simulation.

    Pairs that share an experiment are not independent, so the share varies more than a binomial one.
    """
    groups = len({(pair.place, pair.model) for pair in pairs})
    firsts, seconds = np.array(sorted({pair.seeds for pair in pairs})).T
    drawn = rng.normal(size=(SIMULATIONS, groups, int(seconds.max()) + 1, replicates))
    means, errors = drawn.mean(axis=-1), drawn.var(axis=-1, ddof=1) / replicates
    squares = errors[..., firsts] + errors[..., seconds]
    t = np.abs(means[..., firsts] - means[..., seconds]) / np.sqrt(squares)
    freedom = (replicates - 1) * squares**2 / (errors[..., firsts] ** 2 + errors[..., seconds] ** 2)
    differ = 2 * special.stdtr(freedom, -t) < LEVEL
    low, high = np.quantile(differ.mean(axis=(1, 2)), [0.025, 0.975])
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def report(protocols: Mapping[str, Sequence[Seen]]) -> str:
    """The table, and what the verdicts of all root seeds say, as Markdown."""
    header = ["protocol", "root seeds", "pairs", f"with p < {LEVEL:g}", "share (95 % interval)", "without a difference"]
    lines = [f"| {' | '.join(header)} |", "| --- | --- | ---: | ---: | ---: | ---: |"]
    rng = np.random.default_rng(0)
    verdicts = []
    for name, seen in protocols.items():
        pairs, replicates = same_pairs(seen), min(map(len, seen[0].losses.values()))
        tasks = list(dict.fromkeys(pair.place for pair in pairs))
        rows = [
            ("every two", pairs),
            ("disjoint", [pair for pair in pairs if pair.disjoint]),
            *((f"every two, {_named(place)}", [pair for pair in pairs if pair.place == place]) for place in tasks),
        ]
        for which, own in rows:
            lines.append(f"| {' | '.join([name, which, *share(own), expected(own, replicates, rng)])} |")
        verdicts += [f"- {name}, {_named(place)}: {_winners(place, seen)}." for place in tasks]
    note = (
        "The binomial interval takes pairs as independent, which only the disjoint ones are. Last column: the shares "
        "between which 95 % of such tables lie where nothing differs, by simulation."
    )
    return "\n".join([*lines, "", note, "", "Which model is settled as the best, by root seed:", "", *verdicts])


def _named(place: Place) -> str:
    match, task = place
    return task if match == "tuned" else f"{task} ({match})"


def _winners(place: Place, seen: Sequence[Seen]) -> str:
    winners = [each.winners.get(place) for each in seen]
    names = [f"{name} under {winners.count(name)}" for name in sorted({w for w in winners if w})]
    unsettled = winners.count(None)
    both = " **settled both ways**" if place in settled_both_ways(seen) else ""
    return ", ".join([*names, *([f"not settled under {unsettled}"] if unsettled else [])]) + f" of {len(seen)}{both}"


def run_missing(folder: Path, tune: str, models: str, budget: str, seeds: int) -> None:
    """Run the experiments of a folder that are not complete; one that was interrupted goes on."""
    for seed in range(seeds):
        if _is_complete(folder / f"aa-{seed}"):
            continue
        print(f"root seed {seed} of {seeds}, {TUNES[tune]}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "bench", "run", "--models", models, "--budget", budget, "--seed", str(seed)]
        command += ["--name", f"aa-{seed}", "--results", str(folder), "--reports", str(folder / "reports")]
        command += ["--tune", tune, "--quiet", "--no-save-models"]
        code = subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode
        if code not in (0, 1):  # 1: a training failed, which is a result
            raise SystemExit(f"'{' '.join(command[1:])}' ended with exit code {code}")


def _is_complete(folder: Path) -> bool:
    manifest = folder / "experiment.json"
    return manifest.exists() and json.loads(manifest.read_text(encoding="utf-8")).get("status") == "complete"


def read(folder: Path) -> list[Seen]:
    """The complete experiments of a folder, one after the other."""
    names = sorted(path.name for path in folder.glob("aa-*") if _is_complete(path))
    if len(names) < 2:
        raise SystemExit(f"{folder} holds {len(names)} complete experiments aa-0, aa-1, …: two or more are needed")
    return [see(load(name, folder)) for name in names]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for tune, meaning in TUNES.items():
        parser.add_argument(f"--{tune}", type=Path, metavar="DIR", help=f"experiments with {meaning}")
    parser.add_argument("--models", default="gru,lstm,rnn")
    parser.add_argument("--budget", default="quick")
    parser.add_argument("--seeds", type=int, default=8, help="how many root seeds")
    parser.add_argument("--read", action="store_true", help="run nothing: read what the folders hold")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    given = parser.parse_args()
    folders = {tune: getattr(given, tune) for tune in TUNES if getattr(given, tune)}
    if not folders:
        parser.error("give --each DIR or --once DIR: where the experiments are, or are to be")
    for tune, folder in folders.items():
        if not given.read:
            run_missing(folder, tune, given.models, given.budget, given.seeds)
    protocols = {TUNES[tune]: read(folder) for tune, folder in folders.items()}
    text = report(protocols)
    print(text)
    if given.write:
        sys.path.insert(0, str(Path(__file__).parents[1] / "performance"))
        from page import machine, write_section

        write_section(SECTION, f"{text}\n\n{machine()}.", PAGE)
    if any(settled_both_ways(seen) for seen in protocols.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
