"""`bench predict`: forecast the next rows of a user's table, or predict its rows with one checkpoint."""

from __future__ import annotations

from pathlib import Path

import click

_CHECKPOINTS = (".pt", ".npz")


@click.command("predict", short_help="Forecast the next rows of a CSV file with a trained model.")
@click.argument("name", metavar="NAME|CHECKPOINT")
@click.argument("file", metavar="[FILE.csv]", required=False)
@click.option(
    "--model", metavar="MODEL", help="A net, or a reference such as linear_ar. Default: the net best by validation."
)
@click.option("--ensemble", is_flag=True, help="The mean of all replicates; low and high are their extremes.")
@click.option("--steps", metavar="N", type=click.IntRange(1, 10_000), help="Rows. Default: what the model forecasts.")
@click.option("--task", metavar="LABEL", help="Which one, where an experiment forecasts several tables.")
@click.option("--output", metavar="FILE", help="Write the predictions to this file instead of to standard output.")
@click.option("--results", metavar="DIR", default="results", show_default=True, help="Where NAME is.")
@click.option("--plugin", "plugins", metavar="FILE.py", multiple=True, help="A file that defines the saved model.")
@click.option(
    "--largest",
    "largest_gib",
    metavar="GIB",
    type=click.FloatRange(min=0, min_open=True),
    default=4.0,
    show_default=True,
    help="Read no checkpoint that is larger.",
)
def predict_command(
    name: str,
    file: str | None,
    model: str | None,
    ensemble: bool,
    steps: int | None,
    task: str | None,
    output: str | None,
    results: str,
    plugins: tuple[str, ...],
    largest_gib: float,
) -> int:
    """Forecast the rows after the end of FILE.csv with the best model of experiment NAME.

    Writes CSV: the time of each row (the next steps of the file's time column, or row numbers), the forecast in the
    column's own units, and an interval that holds the value with a probability of 90 %, from the errors on validation
    data. The file is read, filled and transformed as the training data were; without one, the training data are it.

    --model also takes what the nets were compared with (linear_ar, persistence, …): it is fitted again as in the run.

    With a CHECKPOINT (a file of results/NAME/models) every row of FILE.csv with a whole window before it is predicted.

    \b
    Examples:
      python -m bench run --data sales.csv --target revenue --time month --name sales
      python -m bench predict sales this_month.csv --steps 12 --output forecast.csv
      python -m bench predict sales this_month.csv --model lstm --ensemble
    """
    from bench.analysis.results import load
    from bench.analysis.saved_models import which_model
    from bench.cli.writable import refuse_unwritable
    from bench.experiment.refitted import forecasters
    from bench.records.atomic import write_atomically
    from bench.training.forecast import forecast
    from bench.training.kept import trained_on
    from bench.training.predict import predict_table
    from tasks.errors import UserError

    if output is not None:
        refuse_unwritable(Path(output), "--output")
    if Path(name).suffix in _CHECKPOINTS or Path(name).is_file():
        if model or ensemble or steps or task:
            raise UserError(f"{name} is one model: leave out --model, --ensemble, --steps and --task, or give its NAME")
        if file is None:
            raise UserError(f"give the file whose rows {name} is to predict")
        text = predict_table(name, file, plugins, largest_gib=largest_gib).to_csv()
    else:
        loaded = load(name, results)
        models = forecasters(
            loaded, model=model, task=task, ensemble=ensemble, plugins=plugins, largest_gib=largest_gib
        )
        found = forecast(models, file or trained_on(loaded, models[0]), steps)
        text = found.to_csv()
        notes = which_model(loaded, models[0].about, asked=model is not None, ensemble=ensemble)
        for note in (*notes, *found.notes):
            click.echo(note, err=True)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_atomically(Path(output), text)
        click.echo(f"predictions  {output}", err=True)
    return 0
