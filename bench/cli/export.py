"""`bench export`: a kept model as plain PyTorch and ONNX."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("export", short_help="Write a trained model as a plain PyTorch script and ONNX.")
@click.argument("name")
@click.option("--to", "folder", metavar="FOLDER", required=True, help="Where the files go.")
@click.option("--model", metavar="MODEL", help="The best model of this name. Default: the best on validation data.")
@click.option("--task", metavar="LABEL", help="Which one, where an experiment forecasts several tables.")
@click.option("--results", metavar="DIR", default="results", show_default=True, help="Where NAME is.")
@click.option("--plugin", "plugins", metavar="FILE.py", multiple=True, help="A file that defines the saved model.")
def export_command(
    name: str, folder: str, model: str | None, task: str | None, results: str, plugins: tuple[str, ...]
) -> int:
    """Write the best model of experiment NAME for use without bench.

    FOLDER gets model.py (reads the file, defines the net, trains it with the chosen configuration, forecasts; PyTorch,
    pandas and NumPy alone), weights.pt, and (with the package onnx) model.onnx. All give bench's own forecasts.

    \b
    Example:
      python -m bench export sales --to sales_model
      python sales_model/model.py this_month.csv
    """
    from bench.analysis.results import load
    from bench.analysis.saved_models import which_model
    from bench.cli.writable import refuse_unwritable
    from bench.training.export import export
    from bench.training.kept import best_models, rows_trained_on, trained_on

    refuse_unwritable(Path(folder), "--to", folder=True)
    loaded = load(name, results)
    (best,) = best_models(loaded, model=model, task=task, plugins=plugins)
    rows, table = rows_trained_on(loaded, best), trained_on(loaded, best)
    exported = export(best, Path(folder), experiment=name, train_rows=rows, table=table)
    for path in exported.paths:
        click.echo(f"written  {path}")
    for note in (*which_model(loaded, best.about, asked=model is not None), *exported.notes):
        click.echo(note, err=True)
    return 0
