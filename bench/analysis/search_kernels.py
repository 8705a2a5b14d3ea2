"""Searches whose trials ran on another implementation of the model's network (`--engine auto`), and what it changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.analysis.recorded import Recorded


@dataclass(frozen=True)
class SearchKernel:
    """A model whose search trials ran on another kernel than its results.

    replicates: whose search selected a trial that the model itself then trained well. behind: those in which that
    training's validation loss is higher than that of the search's second-best trial, so that the model itself may have
    selected that one.
    """

    model: str
    search_kernel: str
    kernel: str
    replicates: int
    behind: int

    @property
    def sentence(self) -> str:
        """Who trained what, and how often the selection may be another than the model's own."""
        said = (
            f"{self.model}: the search's trials ran on another implementation of the same network "
            f"({self.search_kernel} kernel), and what the search chose was trained again by the model itself "
            f"({self.kernel} kernel); results are made of these trainings alone."
        )
        if not self.replicates:
            return said
        if not self.behind:
            return f"{said} In every replicate that training stayed ahead of the second-best trial on validation data."
        return (
            f"{said} In {self.behind} of {self.replicates} replicates that training fell behind the second-best trial "
            "on validation data: there the model itself may have chosen another configuration."
        )


def search_kernels(results: Recorded) -> Iterator[SearchKernel]:
    """One for each such model, in the order of the models."""
    table = results.trainings
    table = table[table["search_kernel"].notna()]
    for model in results.models:
        own = table[table["model"] == model]
        trained = own[own["stage"].isin(("train", "confirm")) & (own["status"] == "ok")]
        if trained.empty:
            continue
        trials = own[(own["stage"] == "trial") & (own["status"] == "ok")]
        place = ["match", "task", "replicate"]
        losses = {key: sorted(rows["valid_loss"].dropna()) for key, rows in trials.groupby(place, sort=False)}
        known = [
            (row["valid_loss"], losses.get(tuple(row[name] for name in place), []))
            for row in trained[trained["selected"].to_numpy(bool) & (trained["stage"] == "train")].to_dict("records")
        ]
        behind = sum(len(searched) > 1 and loss > searched[1] for loss, searched in known)
        kernels = str(trained["search_kernel"].iloc[0]), str(trained["kernel"].iloc[0])
        yield SearchKernel(model, *kernels, len(known), behind)
