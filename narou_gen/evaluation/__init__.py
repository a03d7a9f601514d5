"""How good a model's titles are: generate, score, compare with baselines, report."""
