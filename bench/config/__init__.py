"""What is asked: the options of an experiment, and the experiment that they resolve to.

options (every option, declared once), option (what a declaration may hold), values (what one option alone refuses),
given (older names, text as values), checks (which values are refused), resolve (the experiment that flags and file ask
for), files (TOML files and recipes), budgets, matching (in what respect a comparison is fair), contenders (each model
with each initialisation), recipes/ (TOML).
"""
