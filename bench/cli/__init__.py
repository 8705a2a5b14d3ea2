"""The command line: parse, call, print. One sub-command a file; what is slow to import is imported inside them."""

from bench.cli.baseline import baseline_command
from bench.cli.check import check_command
from bench.cli.claims import claims_command
from bench.cli.compare import compare_command
from bench.cli.doctor import doctor_command
from bench.cli.export import export_command
from bench.cli.group import Group
from bench.cli.list import list_command
from bench.cli.predict import predict_command
from bench.cli.publish import publish_command
from bench.cli.report import report_command
from bench.cli.rerun import rerun_command
from bench.cli.run import run_command
from bench.cli.validate import validate_command

main = Group(
    "bench",
    help="""GRU, LSTM or plain RNN? Train them side by side, on made sequences or on your own table, and read the
    answer with its uncertainty.

    \b
    Examples:
      python -m bench run --models gru,lstm
      python -m bench run --models gru,lstm,rnn,numpy_gru --tasks "sine[noise=0.1],copy" --budget standard
      python -m bench run --data sales.csv --target revenue --time date --models gru,lstm --name sales
      python -m bench predict sales sales.csv --steps 12
      python -m bench run --config experiment.toml --replicates 20
      python -m bench report gru-lstm-quick
      python -m bench check results/baseline
      python -m bench list tasks
    """,
    commands=[
        *(run_command, report_command, compare_command, claims_command, publish_command, list_command),
        *(predict_command, export_command, rerun_command, validate_command, doctor_command),
        *(baseline_command, check_command),
    ],
)
