"""The convergence gate: is training as good as it was when the baseline was recorded?

Reading and deciding only: `gate.this_code` trains. A baseline is a folder of text (`baseline`), a check trains its
cells again and compares them replicate by replicate (`comparison`), and what comes out is an `Outcome` that `formats`
writes for people and machines.
"""
