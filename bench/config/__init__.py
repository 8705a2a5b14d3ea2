"""What is asked: the options of an experiment, and the experiment that they resolve to.

options (every option, declared once), option_groups/ (their declarations, a file for each heading of `run --help`),
option (what a declaration may hold), values (what one option alone refuses), given (older names, text as values),
checks (which values are refused), resolve (from flags and file to the experiment), experiment (what follows from its
options), growing (an experiment that extends a recorded one), files (TOML files and recipes), budgets, matching (in
what respect a comparison is fair), contenders (each model with each initialisation), in_python (messages for who gave a
DataFrame), recipes/ (TOML).
"""
