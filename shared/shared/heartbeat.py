"""When a loop last came round: its sign of life."""

import time


class Heartbeat:
    """Beaten by the task that runs the loop, read by any thread. A loop that has not begun counts from its creation."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._beaten_at = time.monotonic()

    def beat(self) -> None:
        """The loop has come round now."""
        self._beaten_at = time.monotonic()

    def silent_s(self) -> float:
        """Seconds since the loop last came round."""
        return time.monotonic() - self._beaten_at
