"""What is run: from the search to the timings. The only writer of records.

run (an experiment from start to end), workers (started and checked), phases (searches, timings, the end), plan (how
much of it), cell (one model on one task) and cell_orders (its jobs), search and pruning (an Optuna study by ask and
tell), driver (feeds jobs to an executor), references (predictors without a recurrent net; kernel_ridge and boosting are
two of them), machine and probe (a first look at the machine), observer (how a run reports), mirror (a copy for
optuna-dashboard), rerun (one training again).
"""
