"""How fast, as ratios to peers or ceilings measured in the same run. `python -m tests.bench [module ...]`."""
