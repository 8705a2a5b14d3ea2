"""What is asked: the options of an experiment, and the experiment that they resolve to.

options (every option), resolve (defaults < TOML < flags, names looked up), files (TOML files and recipes), budgets,
matching (in what respect a comparison is fair), contenders (each model with each initialisation), recipes/ (TOML).
"""
