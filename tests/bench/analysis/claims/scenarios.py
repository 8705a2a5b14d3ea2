"""Records that agree with each claim, and records that contradict it."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.analysis.claims import Judgement, claims
from bench.analysis.results import Results
from bench.measure.gradient_flow import EXPANDING

REPLICATES = 8
Rows = list[dict[str, Any]]


def training(
    task: str,
    cell: str,
    replicate: int,
    loss: float,
    *,
    match: str = "hidden",
    init: str = "default",
    hidden: int = 32,
    layers: int = 1,
    parameters: dict[str, Any] | None = None,
    steps_to_target: float | None = None,
    total: int = 4000,
    recurrent: int = 3000,
    **metrics: float,
) -> dict[str, Any]:
    """A confirmed training with what claims look at; losses get a little noise of their own."""
    wobble = np.random.default_rng([replicate, len(cell), hidden, layers, len(task)]).normal(0, 0.05)
    label = cell if init == "default" else f"{cell}[init={init}]"
    return {
        "schema": 1,
        "key": f"{task} {parameters} {label} {replicate} {match} {hidden} {layers}",
        "stage": "confirm",
        "match": match,
        "task": {"name": task, "label": f"{task}{parameters or ''}", "parameters": parameters or {}},
        "model": {"name": cell, "label": label, "hidden_size": hidden, "num_layers": layers, "init": init},
        "training": {"learning_rate": 0.01, "batch_size": 64, "steps": 1000},
        "replicate": replicate,
        "status": "ok",
        "steps_to_target": None if steps_to_target is None else steps_to_target * math.exp(wobble),
        "test": {"loss": loss * math.exp(wobble), "skill": 1 - loss * math.exp(wobble), **metrics},
        "parameters": {"recurrent": recurrent, "head": total - recurrent, "total": total},
    }


def searched(records: Rows, rates: int = 2) -> Rows:
    """The trials of the searches that chose the configurations of confirmed trainings, and these."""
    models = {(r["match"], r["task"]["label"], r["model"]["label"]): r for r in records}
    trials = [
        {
            **record,
            "key": f"{record['key']} trial {trial}",
            "stage": "search",
            "trial": trial,
            "replicate": 0,
            "test": None,
            "training": {**record["training"], "learning_rate": 0.01 / (1 + trial % rates)},
        }
        for record in models.values()
        for trial in range(2)
    ]
    return [*trials, *records]


def failed(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "status": "diverged", "test": None, "steps_to_target": None}


def timing(
    task: str, cell: str, kernel: str, seconds: float, hidden: int = 32, match: str = "hidden", number: int = 0
) -> dict[str, Any]:
    measures = dict.fromkeys(("step_seconds", "forward_seconds", "latency_seconds"), seconds)
    spreads = {f"{key}_iqr": seconds / 50 for key in measures}
    base = training(task, cell, 1, 1.0, hidden=hidden, match=match)
    return {
        **base,
        "stage": "time",
        "replicate": None,
        "kernel": kernel,
        "environment": "e",
        "round": number,
        "timing": {**measures, **spreads},
    }


def in_turn(records: Rows, rounds: int = 3) -> Rows:
    """Timings taken one after the other, round by round."""
    return [{**copy.deepcopy(record), "round": number} for number in range(rounds) for record in records]


def reference(task: str, replicate: int, loss: float, parameters: dict[str, Any]) -> dict[str, Any]:
    base = training(task, "gru", replicate, 1.0, parameters=parameters)
    model = {"name": "linear_ar", "label": "linear_ar", "kind": "baseline", "how": "least squares"}
    return {
        "schema": 1,
        "key": "r",
        "stage": "reference",
        "match": None,
        "task": base["task"],
        "model": model,
        "replicate": replicate,
        "status": "ok",
        "test": {"loss": loss, "skill": 0.0},
    }


def probe(cell: str, replicate: int, trained: float | None = None, **factors: float) -> dict[str, Any]:
    """factors: by scheme; the record of a task that looks far back."""
    record = training("adding", cell, replicate, 0.1, parameters={"length": 60})
    wobble = 1 + 0.01 * np.random.default_rng(replicate).normal()
    flow = {"state": "initial", "steps": 60, "cell_factor": None}
    record["gradient_flow"] = [{**flow, "init": init, "hidden_factor": f * wobble} for init, f in factors.items()]
    if trained is not None:
        flow = {**flow, "state": "trained", "init": "default"}
        record["gradient_flow"].append({**flow, "hidden_factor": trained * wobble})
    return record


def each(make: Callable[[int], dict[str, Any]], replicates: int = REPLICATES) -> Rows:
    return [make(replicate) for replicate in range(1, replicates + 1)]


def scenario_1(holds: bool) -> Rows:
    lstm = 4000 if holds else 4001
    return [
        training("sine", "gru", 1, 0.1, recurrent=3000),
        training("sine", "lstm", 1, 0.1, recurrent=lstm, total=5000),
    ]


def scenario_2(holds: bool) -> Rows:
    fast, slow = (1e-3, 2e-3) if holds else (2e-3, 1e-3)
    pairs = [("gru", "aten", fast), ("lstm", "onednn", slow), ("lstm", "aten", slow)]
    pairs += [("numpy_gru", "numpy", fast), ("numpy_lstm", "numpy", slow)]
    return in_turn([timing(task, *pair) for task in ("sine", "copy") for pair in pairs])


def scenario_3(holds: bool) -> Rows:
    gru, lstm = (200.0, 500.0) if holds else (500.0, 200.0)
    found = []
    for match in ("hidden", "params"):
        found += each(lambda r, m=match: training("copy", "gru", r, 0.1, match=m, steps_to_target=gru))
        found += each(lambda r, m=match: training("copy", "lstm", r, 0.1, match=m, steps_to_target=lstm))
    return searched(found)


def scenario_4(holds: bool) -> Rows:
    found = []
    for match in ("hidden", "params"):
        found += each(lambda r, m=match: training("sine", "gru", r, 0.10, match=m))
        found += each(lambda r, m=match: training("sine", "lstm", r, 0.10 if holds else 0.20, match=m))
    return found


def scenario_5(holds: bool) -> Rows:
    gru, lstm = (0.9, 0.2) if holds else (0.2, 0.9)
    found = []
    for task, parameter in (("copy", "delay"), ("adding", "length")):
        found += each(lambda r, t=task, p=parameter: training(t, "gru", r, gru, parameters={p: 200}))
        found += each(lambda r, t=task, p=parameter: training(t, "lstm", r, lstm, parameters={p: 200}))
    return found


def scenario_6(holds: bool) -> Rows:
    vanishing, lasting = 0.6, 0.97
    plain, gated = (vanishing, lasting) if holds else (lasting, vanishing)
    found = each(lambda r: probe("rnn", r, plain, default=plain, orthogonal=0.95, **{EXPANDING: 1.2}))
    for cell in ("gru", "lstm"):
        found += each(lambda r, c=cell: probe(c, r, gated, default=gated, chrono=0.98))
    return found


def scenario_7(holds: bool) -> Rows:
    found = each(lambda r: training("copy", "gru", r, 0.1))
    found += each(lambda r: training("copy", "lstm", r, 0.5))
    return found + each(lambda r: training("copy", "lstm", r, 0.1 if holds else 0.8, init="forget_bias"))


def scenario_8(holds: bool) -> Rows:
    gated, plain = (0.1, 0.4) if holds else (0.4, 0.1)
    found = each(lambda r: training("copy", "rnn", r, plain, match="params"))
    for cell in ("gru", "lstm"):
        found += each(lambda r, c=cell: training("copy", c, r, gated, match="params"))
    return found


def scenario_9(holds: bool) -> Rows:
    sign = 1 if holds else -1
    found = []
    for hidden in (8, 16, 32, 64):
        match = f"hidden {hidden}×1"
        size = (hidden / 8) ** (-0.5 * sign)
        found += each(lambda r, h=hidden, m=match, s=size: training("regression", "gru", r, 0.4 * s, hidden=h, match=m))
        found.append(timing("regression", "gru", "aten", 1e-3 / size, hidden=hidden, match=match))
    return found


def scenario_10(holds: bool) -> Rows:
    two = 0.1 if holds else 0.4
    found = []
    for cell in ("gru", "lstm"):
        found += each(lambda r, c=cell: training("copy", c, r, 0.2, match="params 4000", hidden=32))
        found += each(
            lambda r, c=cell: training("copy", c, r, two, match="params 4000", hidden=20, layers=2, total=4100)
        )
    return found


def scenario_11(holds: bool) -> Rows:
    linear = 1.0 if holds else 1e-6
    found = []
    for noise in (0.0, 0.1):
        parameters = {"noise": noise}
        found += each(lambda r, p=parameters: training("sine", "gru", r, 0.01, parameters=p, match="tuned"))
        found += each(lambda r, p=parameters: reference("sine", r, linear, p))
    return found


def scenario_12(holds: bool) -> Rows:
    lstm, gru = (900.0, 120.0) if holds else (120.0, 900.0)

    def counted(cell: str, to: float) -> Callable[[int], dict[str, Any]]:
        return lambda r: training("counting", cell, r, 0.1, parameters={"longest": 100}, counts_to=to + 5 * r)

    return each(counted("lstm", lstm)) + each(counted("gru", gru))


SCENARIOS = {number: globals()[f"scenario_{number}"] for number in range(1, 13)}


def judge(number: int, records: Rows) -> Judgement:
    """Of one claim. Depths are experiments of their own: an experiment confirms one configuration of a model."""
    depths = sorted({record["model"].get("num_layers", 1) for record in records}) or [1]
    results = [
        Results(f"depth {n}", tuple(copy.deepcopy([r for r in records if r["model"].get("num_layers", 1) == n])), {})
        for n in depths
    ]
    return next(found for found in claims(results) if found.claim.number == number)
