"""How long it takes to count the coming days: `make bench`. A measurement; one bound holds, or the exit code is 1.

500 campaigns of ten steps, 400 people each, which begin on 60 different days and share one room, over half a year.
"""

import statistics
import sys
import time

from reconciler.planning.forecast import Lot, Room, look_ahead

CAMPAIGNS, STEPS, PEOPLE, DAYS = 500, 10, 400, 180
BOUND, RUNS = 0.5, 5


def main() -> int:
    """Measure, and show a line; exit with 1 where the bound is missed."""
    waits = {f"c{n}": (0, *((n + step) % 20 + 1 for step in range(STEPS - 1))) for n in range(CAMPAIGNS)}
    lots = [Lot(key, 0, number % 60, PEOPLE) for number, key in enumerate(waits)]
    taken, emails = [], 0
    for _ in range(RUNS):
        begun = time.process_time()
        outlook = look_ahead(lots, waits, Room(9_000, 12_000), days=DAYS)
        taken.append(time.process_time() - begun)
        emails = sum(day.emails for day in outlook.days)
    middle = statistics.median(taken)
    what = f"forecast, {CAMPAIGNS} campaigns of {STEPS} steps, {DAYS} days, {emails:,} emails"
    sys.stdout.write(f"{what}: best {min(taken):.3f} s, median {middle:.3f} s (bound {BOUND} s)\n")
    return int(middle > BOUND)


if __name__ == "__main__":
    sys.exit(main())
