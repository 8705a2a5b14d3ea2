"""The exported script as text: its template, and what a checkpoint says that fills it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from bench.models.contract import Settings
from bench.models.initialisation import GATES, differs_from_default
from bench.training.checkpoint import LoadedModel
from bench.training.checkpoint_file import typed
from bench.training.evaluations import EVALUATIONS
from bench.training.exported_reading import literal, reading_of
from bench.training.forecast import table_columns
from bench.training.paths import Horizons
from bench.training.validation_rows import sequences
from tasks.contract import Columns
from tasks.errors import UserError, listed
from tasks.new_rows import NewRows
from tasks.transform import RELATIVE

_WIDTH = 110  # of a list in the script, before it is broken
_TEMPLATE = "plain_model.py.jinja"
# the models that are a layer of PyTorch, or have its weights and compute the same
_LAYERS = {"gru": "GRU", "lstm": "LSTM", "rnn": "RNN", "numpy_gru": "GRU", "numpy_lstm": "LSTM", "numpy_rnn": "RNN"}
_OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD", "rmsprop": "RMSprop"}
_DRAWN = {
    "xavier": "Weights by Glorot & Bengio 2010, each gate's matrix by itself, and no biases.",
    "orthogonal": "An orthogonal matrix of the state for each gate (Saxe et al. 2014), else Glorot's, and no biases.",
    "forget_bias": "PyTorch's own weights, with a forget gate that is open (Jozefowicz et al. 2015).",
    "chrono": "PyTorch's own weights, with gates that keep the state for 1 to WINDOW rows (Tallec & Ollivier 2018).",
}


def require_exportable(model: LoadedModel) -> None:
    """UserError for a model that a script in plain PyTorch cannot be."""
    name = str(model.about["model"]["name"])
    if name not in _LAYERS:
        raise UserError(f"model {name} is no layer of PyTorch: export takes {listed(_LAYERS)}; give one with --model")
    if typed(Settings, model.about["settings"]).precision == "bfloat16":
        raise UserError(
            f"model {name} was trained with --precision bfloat16, and a plain script computes in float32: use predict, "
            "or train it with --precision float32 to export"
        )


def script(model: LoadedModel, table: str, new: NewRows, *, experiment: str, train_rows: int) -> str:
    """The script as text: it reads a file, and trains and forecasts with the model's layer and configuration.

    table, new: a file that the model reads, and its rows. UserError for a checkpoint that describes no training.

    The checkpoint may be anybody's, and the script is run: from its description only numbers and quoted text get there.
    """
    columns, about = table_columns(model), model.about
    name, settings = str(about["model"]["name"]), typed(Settings, about["settings"])
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string(Path(__file__).with_name(_TEMPLATE).read_text(encoding="utf-8"))
    text: str = template.render(
        experiment=_quotable(experiment),
        model=_quotable(str(about["model"].get("label", name))),
        assigned=_assigned,
        **_forecasts(columns),
        **reading_of(table, columns, new),
        **_layer(name, settings, about["model"]["parameters"]),
        **_training(model, settings, train_rows),
    )
    return text


def _forecasts(columns: Columns) -> Mapping[str, Any]:
    """What is forecast, from what, and in which units.

    Growth in percent is the change of 100 times the logarithm.
    """
    horizons, transform = Horizons.of(columns), columns.transform
    inputs, outputs = len(columns.inputs), len(columns.outputs)
    own = "np.array(frame[TARGETS], float)"
    found = "found.numpy().reshape(len(TARGETS), -1).T"
    return {
        "inputs": list(columns.inputs),
        "outputs": outputs,
        "targets": horizons.targets,
        "window": columns.window,
        "horizons": f"TARGETS, WINDOW, HORIZONS = INPUTS[:{horizons.targets}], {columns.window}, "
        + (_as_range(horizons.ahead) or repr(list(horizons.ahead))),
        "scales": literal(
            [
                (f"{part}_{what}", size)
                for part, size in (("input", inputs), ("output", outputs))
                for what in ("mean", "scale")
            ]
        ),
        "transform": transform,
        "relative": transform in RELATIVE,
        "units": "in the file's units" if transform == "none" else f"with the targets' {transform}",
        "of_levels": {"log": f"np.log({own})", "growth": f"100 * np.log({own})"}.get(transform, own),
        "as_what": {"log": " as logarithms", "growth": " as 100 times their logarithms"}.get(transform, ""),
        "in_units": {
            "none": found,
            "log": f"np.exp({found})",
            "growth": f"np.exp((levels[end - 1] + {found}) / 100)",
            "difference": f"levels[end - 1] + {found}",
        }[transform],
    }


def _layer(name: str, settings: Settings, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """The layer, and how its weights are drawn."""
    cell, hidden = _LAYERS[name], settings.hidden_size
    init = settings.init if differs_from_default(settings.init, cell.lower()) else "default"
    nonlinearity = ', nonlinearity="relu"' if parameters.get("nonlinearity") == "relu" else ""
    dropout = settings.dropout if settings.num_layers > 1 else 0.0
    return {
        "cell": cell,
        "hidden_size": hidden,
        "num_layers": settings.num_layers,
        "more": nonlinearity + (f", dropout={dropout}" if dropout else ""),
        "dropout": dropout,
        "init": init,
        "drawn": _DRAWN.get(init, "PyTorch's own initial weights."),
        "gates": GATES[cell.lower()],
        "keeps": f"{hidden}:{2 * hidden}",  # the rows of the gate that keeps the state
    }


def _training(model: LoadedModel, settings: Settings, train_rows: int) -> Mapping[str, Any]:
    """How it is trained, with the classes of torch.optim that do as bench does (tests train with both)."""
    columns, plan = table_columns(model), model.about["training"]
    steps, batch_size, warmup = _count(model, "steps"), _count(model, "batch_size"), _count(model, "warmup", 0)
    every = _count(model, "evaluation_interval", None)
    name = plan.get("schedule", "constant")
    if name not in ("constant", "cosine"):
        raise UserError(f"{model.path} is a damaged checkpoint: its schedule is {name!r}: train the model again")
    first, windows = train_rows - columns.window, train_rows - columns.window - columns.horizon + 1
    decay = settings.weight_decay or settings.optimizer == "adamw"  # PyTorch's own default there is not 0
    return {
        "later": f"{first}, {first + sequences(model.about.get('validation'))}",
        "train_windows": windows,
        "steps": steps,
        "batch_size": batch_size,
        "epochs": -(-steps // -(-windows // batch_size)),
        "interval": every or -(-steps // EVALUATIONS),
        "optimizer": f"{_OPTIMIZERS[settings.optimizer]}(model.parameters(), lr={settings.learning_rate}"
        + (f", weight_decay={settings.weight_decay})" if decay else ")"),
        "clip_norm": settings.clip_norm,
        "schedule": _schedule(name, warmup, steps),
        "factor": _factor(name, warmup, steps),
        "plateau": _count(model, "plateau_patience", None),
        "warmup": warmup,
    }


def _schedule(name: str, warmup: int, steps: int) -> str:
    """The learning rate of each step (`rate_factor`) as a scheduler of PyTorch; "" where it is always the same.

    LambdaLR's factors are numbered by the steps made before. CosineAnnealingLR begins with the whole rate, and bench's
    first step is one of the cosine already.
    """
    if name == "cosine" and warmup:
        return "LambdaLR(optimizer, factor)"  # see `_factor`
    if name == "cosine":
        return f"LambdaLR(optimizer, lambda made: 0.5 + 0.5 * np.cos(np.pi * (made + 1) / {steps}))"
    return f"LinearLR(optimizer, 1 / {warmup}, total_iters={warmup - 1})" if warmup > 1 else ""


def _factor(name: str, warmup: int, steps: int) -> str:
    """What the learning rate is multiplied by after so many steps, where two schedules follow one another."""
    if name != "cosine" or not warmup:
        return ""
    falls = f"0.5 + 0.5 * np.cos(np.pi * max(0, made - {warmup - 1}) / {max(1, steps - warmup)})"
    return f"min((made + 1) / {warmup}, {falls})"


def _assigned(name: str, values: Sequence[Any] | Mapping[str, Any] | str, brackets: str = "[]") -> str:
    """A list or dict under a name, on several lines where it is long; text as it is."""
    if isinstance(values, str):
        return f"{name} = {values}"
    pairs = values.items() if isinstance(values, Mapping) else ()
    items = [f"{literal(key)}: {literal(value)}" for key, value in pairs] or [literal(value) for value in values]
    line = f"{name} = {brackets[0]}{', '.join(items)}{brackets[1]}"
    if len(line) <= _WIDTH:
        return line
    lines = [""]
    for item in items:
        lines += [""] if lines[-1] and len(lines[-1]) + len(item) > _WIDTH else []
        lines[-1] += f"{item}, "
    inner = "".join(f"    {each.rstrip()}\n" for each in lines)
    return f"{name} = {brackets[0]}\n{inner}{brackets[1]}"


def _as_range(numbers: Sequence[int]) -> str:
    """Several numbers that follow one another; "" for others."""
    if len(numbers) < 4 or list(numbers) != list(range(numbers[0], numbers[-1] + 1)):
        return ""
    return f"range({numbers[0]}, {numbers[-1] + 1})"


def _quotable(text: str) -> str:
    """Text as it can stand between the quotes of a Python string."""
    return literal(text)[1:-1]


def _count(model: LoadedModel, name: str, *absent: int | None) -> Any:
    """A number of the training that a checkpoint describes, 1 or more; UserError where it is none.

    absent: what stands for a number that was not given.
    """
    training = model.about.get("training")
    value = training.get(name, *absent) if isinstance(training, Mapping) else None
    if value in absent:
        return value
    if type(value) is not int or value < 1:
        raise UserError(f"{model.path} is a damaged checkpoint: its {name} is {value!r}: train the model again")
    return value
