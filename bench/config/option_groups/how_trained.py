"""How models are trained, whatever the search tries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from bench.config.option import BILLION, option
from bench.config.values import check_initialisation

_option = partial(option, group="How models are trained")


@dataclass(frozen=True)
class HowTrained:
    """The options under "How models are trained"."""

    batch_size: int | Literal["full"] | None = _option(
        None,
        "N",
        "Sequences in a batch; full: all training data. Default: the task's own number.",
        at_least=1,
        at_most=BILLION,
    )
    init: tuple[str, ...] = _option(
        ("default",),
        "A,B",
        "Initial weights: default (PyTorch's), xavier, orthogonal, forget_bias or chrono. A,B compares schemes; A+B "
        "lets the search choose.",
        refuse=check_initialisation,
    )
    dropout: float = _option(0.0, "P", "The share of outputs that is dropped between layers.", at_least=0, less_than=1)
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = _option(
        "adam",
        "NAME",
        "adam, adamw (with --weight-decay), sgd (without momentum) or rmsprop, with PyTorch's defaults.",
        before="adam",
    )
    weight_decay: float = _option(
        0.0, "X", "L2 penalty, as in torch.optim.Adam; with --optimizer adamw the weights themselves decay.", at_least=0
    )
    clip_norm: float | None = _option(
        1.0,
        "X",
        "Scale gradients down to this norm where theirs is larger; none: never.",
        more_than=0,
        allowed="or none for no clipping",
    )
    precision: Literal["float32", "tf32", "bfloat16"] = _option(
        "float32",
        "NAME",
        "Number format of matrix products: float32, tf32 (on a GPU) or bfloat16 (weights and Adam stay float32).",
        before="float32",
    )
    plateau_patience: int | None = _option(
        None,
        "N",
        "Halve the learning rate after N evaluations without progress. Default: never, and 10 with --schedule plateau.",
        at_least=1,
        at_most=BILLION,
    )
    schedule: Literal["constant", "plateau", "cosine"] | None = _option(
        None,
        "NAME",
        "How the learning rate goes on: constant, plateau (see --plateau-patience) or cosine (it falls to 0 in the "
        "last step). Default: constant, or plateau where --plateau-patience is given.",
        before=None,
    )
    warmup: int = _option(
        0, "STEPS", "Let the learning rate rise linearly in so many first steps.", before=0, at_least=0, at_most=BILLION
    )
