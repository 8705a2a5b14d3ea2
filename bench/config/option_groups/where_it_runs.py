"""Where trainings run, and where results go."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from bench.config.option import option
from bench.config.values import check_executor, check_name

_option = partial(option, group="Where it runs, and where results go", decides="place")


@dataclass(frozen=True)
class WhereItRuns:
    """The options under "Where it runs, and where results go"."""

    save_models: bool | None = _option(
        None,
        "",
        "Keep the models of the selected trainings in DIR/NAME/models, for predict and export. Default: keep those of "
        "up to 16 MiB. --save-models also trains again what an earlier run did not keep.",
    )
    device: Literal["auto", "cpu", "cuda"] = _option(
        "auto", "NAME", "auto (the faster one), cpu or cuda.", decides="outcome", meant={"gpu": "cuda"}
    )
    cohort: int | None = _option(
        None,
        "N",
        "Trainings at a time on each GPU, in one process. Default: as many as make it faster and fit its memory.",
        at_least=1,
        at_most=1024,
    )
    workers: int | None = _option(
        None, "N", "Trainings at a time, one thread each. Default: one for each core.", at_least=1, at_most=1024
    )
    executor: str = _option(
        "local",
        "WHERE",
        "local, inline (in this process: for debugging) or dask://HOST:PORT (a Dask cluster).",
        refuse=check_executor,
    )
    storage: str | None = _option(
        None, "URL", "Copy every search to an Optuna storage, for optuna-dashboard: sqlite:///FILE, or a path."
    )
    name: str | None = _option(
        None, "NAME", "Name of the folders. Default: made from what is compared.", refuse=check_name
    )
    results: str = _option("results", "DIR", "Records and tables go to DIR/NAME.")
    reports: str = _option("reports", "DIR", "The report goes to DIR/NAME.")
    plugins: tuple[str, ...] = _option(
        (),
        "FILE.py",
        "A file that defines tasks or models of your own; may be given more than once.",
        decides="outcome",
        flag="--plugin",
        repeated=True,
    )
