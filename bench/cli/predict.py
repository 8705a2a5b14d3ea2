"""`bench predict`: a saved model's predictions for a user's table."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("predict", short_help="Predict the rows of a CSV file with a saved model.")
@click.argument("checkpoint")
@click.argument("file", metavar="FILE.csv")
@click.option("--output", metavar="FILE", help="Write the predictions to this file instead of to standard output.")
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
    checkpoint: str, file: str, output: str | None, plugins: tuple[str, ...], largest_gib: float
) -> int:
    """Predict the rows of FILE.csv with a model that `run --save-models` left in results/NAME/models.

    Writes CSV: the number of the row that is predicted (1 is the first; the last ones lie beyond the file), and the
    predicted columns in their own units. The file needs the columns that the model was trained on.

    \b
    Examples:
      python -m bench run --data sales.csv --target revenue --models gru --save-models --name sales
      python -m bench predict results/sales/models/4f…e1.pt this_month.csv --output forecast.csv
    """
    from bench.cli.writable import refuse_unwritable
    from bench.records.atomic import write_atomically
    from bench.training.predict import predict_table

    if output is not None:
        refuse_unwritable(Path(output), "--output")
    text = predict_table(checkpoint, file, plugins, largest_gib=largest_gib).to_csv()
    if output is None:
        click.echo(text, nl=False)
    else:
        write_atomically(Path(output), text)
        click.echo(f"predictions  {output}", err=True)
    return 0
