"""What can be said of the records: tables, statistics, verdicts.

recorded       what an experiment recorded; conclusions: what is concluded from it, each once; results: both, read back
tables         records as tables, with table_columns, summary and pooled; selected: what results are made of
search_trials  the trials of a search, with tuned, pruned and ladders
contenders     who is compared; model_pairs, steps and pair_table: how
verdicts       the decision on each task, in verdict_words and verdict_notes; choices, sequential
compare_experiments, gradient_tables, notebook; levels, labels, formatting
alarms/        what to know before believing a result
claims/        textbook statements put to the data; stats/: pure functions
"""
