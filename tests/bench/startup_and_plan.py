"""How fast the program starts, validates and plans: `make bench`. A measurement, not a test.

1,000 drafts are made once on a sandbox on a port, through the session. Then each command runs a few times in a process
of its own, and the best and the median are shown. The mark for `plan --no-refresh` are 1.7 s: what terraform 1.11.4 was
measured to need for a plan of 1,000 unchanged resources. It is not run here.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.world import World

TERRAFORM = 1.7


def main() -> int:
    """Measure, and show a table; exit with 1 where the mark is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--campaigns", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        small, large = World(Path(folder) / "small"), World(Path(folder) / "large")
        try:
            return _measure(small, large, chosen.campaigns, chosen.runs)
        finally:
            small.close()
            large.close()


def _measure(small: World, large: World, campaigns: int, runs: int) -> int:
    for number in range(2):
        small.campaign(f"campaign-{number}", leads=None)
    for number in range(campaigns):
        large.campaign(f"campaign-{number:04}", leads=None, sequenceSteps=_steps(number))
    begun = time.perf_counter()
    large.apply()
    _say(f"Applied {campaigns:,} drafts in {time.perf_counter() - begun:.1f} s.\n")
    _say(f"{'command':<44}{'best':>9}{'median':>9}")
    _row("--version", small, ["--version"], runs)
    _row("validate, 2 campaigns", small, ["validate"], runs)
    _row(f"validate, {campaigns:,} campaigns", large, ["validate"], runs)
    mark = _row(f"plan --no-refresh, {campaigns:,} unchanged", large, ["plan", "--no-refresh"], runs)
    _row(f"plan, {campaigns:,} unchanged, asked on a port", large, ["plan", "--detailed-exitcode"], runs)
    _say(f"{'terraform plan, 1,000 unchanged (reference)':<44}{TERRAFORM:>7.2f} s")
    return int(mark > TERRAFORM)


def _steps(number: int) -> list[dict[str, object]]:
    """Give every campaign texts of its own, as real ones have."""
    body = f"Hi {{{{firstName}}}},\n\nthis is campaign {number}.\n"
    return [
        {"subject": f"Question {number}, {{{{firstName}}}}", "bodyText": body, "delayDays": 0},
        {"subject": f"Re: Question {number}, {{{{firstName}}}}", "bodyText": body, "delayDays": 3},
    ]


def _row(name: str, world: World, arguments: Sequence[str], runs: int) -> float:
    """Run a command some times; show and return the best of them, in seconds."""
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=world.root,
            env=world.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        taken.append(time.perf_counter() - begun)
    _say(f"{name:<44}{min(taken):>7.2f} s{statistics.median(taken):>7.2f} s")
    return min(taken)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
