"""The convergence gate: is training as good as it was when the baseline was recorded?

The modules of this package read and decide; only `gate.this_code` trains. A baseline is a folder of text files
(`baseline`, `baseline_files`). A check trains the baseline's cells again and compares them replicate by replicate
(`check`, `comparison`). Its result is a `CheckOutcome`, which `formats` writes for people and for programs.
"""
