"""The options of an experiment, a file for each heading of `run --help`; `bench.config.options` puts them together."""
