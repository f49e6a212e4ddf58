"""How many examples a property is tried with: few every day, all of them with `make soak`."""

import os
from datetime import UTC, datetime
from typing import Any

from hypothesis import settings

SHARE = 5
"""Every day one in so many is tried; the examples differ from run to run, so they add up."""

SOAK = int(os.environ.get("SOAK", "0"))


TODAY = datetime.now(UTC).toordinal()
"""Number of the day, by which other cases are chosen each day."""


def examples(count: int, *, least: int = 10, **more: Any) -> settings:
    """Return the settings of a property that is worth `count` examples; every day it gets `least` at least.

    No example has a deadline.
    """
    return settings(max_examples=count if SOAK else max(least, count // SHARE), deadline=None, **more)
