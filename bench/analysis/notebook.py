"""Results as a notebook shows them: the leaderboard as a styled table, and everything in short as text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from bench.analysis.formatting import MISSING, interval, is_missing, memory, number, score, seconds, shortened, whole
from bench.analysis.summary import best_first

if TYPE_CHECKING:
    import pandas as pd
    from pandas.io.formats.style import Styler

    from bench.analysis.recorded import Recorded
    from bench.analysis.verdict import Verdict

SHOWN = 8  # tasks, and rows of the leaderboard, in the short text

_HEADS = {
    "match": "match",
    "task": "task",
    "model": "model",
    "skill": "skill",
    "between": "95 % interval",
    "test_loss": "test loss",
    "solve_rate": "solved",
    "steps_to_target_median": "steps to target",
    "parameter_count": "parameters",
    "step_seconds": "step time",
    "sequences_per_second": "sequences / s",
    "peak_bytes": "peak memory",
}


def styled(summary: pd.DataFrame, caption: str = "") -> Styler:
    """A `summary.csv` table as a pandas Styler: tasks in order, the lowest test loss first, all text escaped."""
    table = _ranked(summary)
    table = table.assign(
        between=[interval(low, high) for low, high in zip(table["skill_low"], table["skill_high"], strict=True)]
    )
    columns = [name for name in _HEADS if name != "match" or table["match"].nunique() > 1]
    shown = table[columns].rename(columns=_HEADS).reset_index(drop=True)
    is_model = [kind == "model" for kind in table["kind"]]

    def look(row: pd.Series[Any]) -> list[str]:
        model = is_model[int(str(row.name))]
        return [("font-weight: 600" if model else "font-style: italic") if c == "model" else
                ("" if model else "color: #767676") for c in row.index]  # fmt: skip

    formats = {
        **dict.fromkeys(("match", "task", "model", "95 % interval"), _text),
        "skill": score,
        "test loss": number,
        "solved": _share,
        "steps to target": whole,
        "parameters": whole,
        "step time": seconds,
        "sequences / s": whole,
        "peak memory": memory,
    }
    styler = shown.style.format({k: v for k, v in formats.items() if k in shown}, escape="html")
    styler = styler.hide(axis="index").apply(look, axis="columns").set_uuid("bench").set_caption(escape(caption))
    words = [name for name in ("match", "task", "model") if name in shown]
    return styler.set_properties(subset=words, **{"text-align": "left"})  # type: ignore[arg-type]


def screen(results: Recorded, verdicts: Sequence[Verdict]) -> str:
    """What can be said of the results on one screen: decisions, the first rows of the leaderboard, what there is."""
    done, planned = results.progress
    status = str(results.manifest.get("status") or "complete")
    lines = [f"{results.name}: {status}, {done} of {planned or '?'} trainings and measurements"]
    decisions = [f"  {shortened(verdict.task, 60)}: {verdict.answer}" for verdict in verdicts]
    lines += decisions[:SHOWN] + ([f"  and {len(decisions) - SHOWN} more tasks"] if len(decisions) > SHOWN else [])
    table = _ranked(results.summary)[["task", "model", "n", "skill", "test_loss"]]
    if len(table):
        shown = table.head(SHOWN).to_string(index=False, max_colwidth=40, float_format=lambda value: f"{value:.4g}")
        lines += ["", shown] + ([f"and {len(table) - SHOWN} more rows"] if len(table) > SHOWN else [])
    tables = "tables: summary, trainings, curves, timings, references; decisions: verdicts"
    return "\n".join([*lines, "", tables])


def _ranked(summary: pd.DataFrame) -> pd.DataFrame:
    """Tasks in order, the lowest test loss first."""
    import pandas as pd

    parts = [best_first(rows) for _, rows in summary.groupby("task", sort=False)]
    return pd.concat(parts) if parts else summary


def _share(value: Any) -> str:
    return MISSING if is_missing(value) else f"{100 * float(value):.0f} %"


def _text(value: Any) -> str:
    return MISSING if is_missing(value) else str(value)
