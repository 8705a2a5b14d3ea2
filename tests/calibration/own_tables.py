"""What bench says of the tables in `tables.py`, and what it decides on the series among them, for docs/own_data.md.

    python tests/calibration/own_tables.py messages --write                  # seconds
    python tests/calibration/own_tables.py decisions results/own-tables --write [--only NAME,NAME] [--budget quick]

Decisions train a GRU on every series, at `quick` seven replicates with six trials each: about an hour of two cores.
Series that the folder has already are not trained again.

    python tests/calibration/own_tables.py longer results/own-tables --write    # about half an hour of two cores

Longer trains a GRU on two years of hourly load as `quick` does by itself, and with three times the steps.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.config.resolve import resolve
from tasks.errors import UserError

sys.path.insert(0, str(Path(__file__).parent))

DOCS = Path(__file__).parents[2] / "docs" / "own_data.md"


def _tables() -> tuple[tuple, tuple]:  # type: ignore[type-arg]
    """By either name: as a script, and as a module of the tests."""
    if __package__:
        from .tables import MADE, MESSY
    else:
        from tables import MADE, MESSY  # type: ignore[import-not-found,no-redef]
    return MESSY, MADE


def written(case, folder: Path) -> Path:  # type: ignore[no-untyped-def]
    """The CSV file of a made series."""
    path = folder / f"{case.name}.csv"
    case.frame().to_csv(path, index=False)
    return path


def flags(options: dict[str, str]) -> str:
    """Options as a person types them."""
    words = []
    for key, value in options.items():
        quoted = f"'{value}'" if set(value) & set(' "|[') else value
        words.append(f"--{key.replace('_', '-')}" + ("" if value == "true" else f" {quoted}"))
    return " ".join(words).replace("|", "\\|")


def messages_table(folder: Path) -> str:
    """A row a messy table: what is unusual, and what is said of it."""
    lines = ["| table | flags | what bench says |", "| --- | --- | --- |"]
    for case in _tables()[0]:
        path = folder / f"{case.name}.csv"
        path.write_bytes(case.content())
        try:
            (task,) = resolve({"data": str(path), "models": "gru", **case.options}).tasks
            said = "; ".join(task.notes) or "(it is read)"
        except UserError as error:
            said = str(error)
        said = said.replace(str(path), path.name).replace(str(folder), "")
        said = said if len(said) <= 320 else f"{said[:300]} … {said[-16:]}"
        said = said.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
        lines.append(f"| {case.what} | `{flags(case.options)}` | {said} |".replace("`` ", ""))
    return "\n".join(lines)


def found_by(results: Path, path: Path, name: str, options: dict[str, str]):  # type: ignore[no-untyped-def]
    """The results of a GRU on a table; trains what the folder lacks."""
    import bench

    command = [sys.executable, "-m", "bench", "run", "--quiet", "--models", "gru", "--name", name]
    command += ["--data", str(path), "--results", str(results), "--reports", str(results / "reports")]
    for key, value in options.items():
        command += [f"--{key.replace('_', '-')}"] + ([] if value == "true" else [value])
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return bench.load(name, results)


def decisions_table(results: Path, budget: str, only: list[str]) -> str:
    """A row a series: what is right, what bench decided, the skills behind it. Trains what the folder lacks."""
    lines = [
        "| series | flags | right | decided | skill of the GRU | best reference, skill |",
        "| --- | --- | --- | --- | ---: | --- |",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for case in _tables()[1]:
            if only and case.name not in only:
                continue
            path = written(case, Path(folder))
            found = found_by(results, path, case.name, {"budget": budget, **case.options})
            (verdict,) = found.verdicts
            skills = found.summary.set_index("model")["skill"]
            references = skills.drop("gru").dropna()
            best = references.idxmax()
            decided = verdict.answer
            if verdict.need.state == "can't tell yet" and verdict.need.reference is not None:
                decided += f"; until then {verdict.need.reference.name}"
            lines.append(
                f"| {case.what} | `{flags(case.options)}` | {case.answer} | {decided} | {skills['gru']:.3f} | "
                f"{best} {references[best]:.3f} |"
            )
            print(lines[-1], flush=True)
    return "\n".join(lines)


def longer_table(results: Path, budget: str) -> str:
    """A row a number of steps: the GRU against the linear model on the newest replicates of two years of load."""
    lines = ["| steps | GRU's test loss | the linear model's | decided |", "| ---: | --- | ---: | --- |"]
    case = next(case for case in _tables()[1] if case.name == "load")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "load-two-years.csv"
        case.frame(hours=17_000).to_csv(path, index=False)
        usual = None
        for times in (1, 3):
            more = {"steps": str(times * usual)} if usual else {}
            found = found_by(results, path, f"load-two-years-{times}", {"budget": budget, **case.options, **more})
            (verdict,), trainings = found.verdicts, found.trainings
            usual = usual or int(trainings["steps"].max())
            losses = trainings.loc[trainings["selected"].astype(bool), "test_loss"]
            linear = found.summary.set_index("model")["test_loss"]["linear_ar"]
            lines.append(
                f"| {times * usual:,} | {losses.mean():.4f} ({losses.min():.4f} to {losses.max():.4f} in "
                f"{len(losses)} replicates) | {linear:.4f} | {verdict.answer} |"
            )
            print(lines[-1], flush=True)
    return "\n".join(lines)


def write(name: str, table: str) -> None:
    """Put a table between its marks in the page."""
    text = DOCS.read_text()
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, rest = text.split(begin)
    DOCS.write_text(before + begin + table + "\n" + end + rest.split(end)[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["messages", "decisions", "longer"])
    parser.add_argument("results", nargs="?", default="results/own-tables", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--budget", default="quick")
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    if given.what == "messages":
        with tempfile.TemporaryDirectory() as folder:
            table = messages_table(Path(folder))
    elif given.what == "longer":
        table = longer_table(given.results, given.budget)
    else:
        table = decisions_table(given.results, given.budget, [name for name in given.only.split(",") if name])
    if given.write:
        write(given.what, table)
    else:
        print(table)


if __name__ == "__main__":
    main()
