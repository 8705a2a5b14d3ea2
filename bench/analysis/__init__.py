"""What can be said of the records: tables, statistics, verdicts.

results (an experiment read back), tables, confirmed (what results are made of), model_pairs and pair_table (models
compared in pairs), verdicts, alarms, compare_experiments, gradient_tables, notebook, formatting; claims/ (textbook
statements put to the data), stats/ (pure functions).
"""
