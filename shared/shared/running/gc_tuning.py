"""How the interpreter is set for work on events by the hundred thousand."""

import gc


def tune_gc() -> None:
    """Events, which make no cycles, are not searched for them after every 700 of them; call it once all is imported."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
