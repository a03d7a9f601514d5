"""Scores of titles as plain functions, the same for training, `narou-gen evaluate` and `evaluate.load`.

One module a matter; import from it, so that nothing is loaded that is not used. The same functions as
modules for `evaluate.load` lie in `narou_gen/evaluate_metrics`.
"""
