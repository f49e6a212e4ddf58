"""How long `apply` takes to create many drafts, and whether the time grows with their number alone: `make bench`.

Each run is a new workspace state and a new sandbox, on a port and in a process of its own; the command is a process of
its own as well, `reconciler apply --auto-approve`. Of some runs the best counts. What a command takes that has one
draft to create is taken as its start, and left out of the time per campaign. The apply phase is what lies between
the first create that the sandbox receives and its last request.

Two bounds hold, or the exit code is 1: the time per campaign is flat within ±20 % of its mean, and 1,000 drafts take
less than a tenth of the 57 s that terraform 1.11.4 was measured to need for 1,000 resources. It is not run here.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.world import World

SIZES = (250, 500, 1000, 2000)
MARK, MARK_SECONDS = 1000, 5.7
FLAT = 0.2
BACKENDS: dict[str, dict[str, Any]] = {name: {"state": {"backend": name}} for name in ("local", "git")}
"""What `workspace.yaml` says for each backend. The workspace is a clone with a bare repository as its `origin`."""


@dataclass(frozen=True)
class Taken:
    """What one apply took, in seconds."""

    whole: float
    phase: float


def main() -> int:
    """Measure, show a table, and tell which bounds are missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--backend", choices=sorted(BACKENDS), default="local")
    chosen = parser.parse_args()
    sizes = sorted(set(chosen.sizes))
    taken = _best([1, *sizes], chosen.backend, chosen.runs)
    start = taken[1]
    _say(f"create-apply, backend {chosen.backend}, best of {chosen.runs}; start {start.whole:.2f} s\n")
    _say(f"{'campaigns':>9}{'apply':>11}{'a campaign':>14}{'apply phase':>14}")
    seconds, each = {}, {}
    for size in sizes:
        best = taken[size]
        seconds[size] = best.whole
        each[size] = (best.whole - start.whole) / size * 1000
        _say(f"{size:>9,}{best.whole:>9.2f} s{each[size]:>11.2f} ms{best.phase:>12.2f} s")
    missed = _missed(seconds, each)
    for line in missed:
        _say(line)
    return int(bool(missed))


def _missed(seconds: Mapping[int, float], each: Mapping[int, float]) -> list[str]:
    mean = statistics.mean(each.values())
    lines = [
        f"NOT FLAT: {size:,} campaigns take {milliseconds:.2f} ms each, the mean is {mean:.2f} ms"
        for size, milliseconds in each.items()
        if abs(milliseconds - mean) > FLAT * mean
    ]
    if seconds.get(MARK, 0.0) >= MARK_SECONDS:
        lines.append(f"TOO SLOW: {MARK:,} campaigns take {seconds[MARK]:.2f} s, the bound is {MARK_SECONDS} s")
    return lines


def _best(sizes: list[int], backend: str, runs: int) -> dict[int, Taken]:
    """Return the best of each size. The sizes take turns, so that a slow minute of the machine meets all of them."""
    best: dict[int, Taken] = {}
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        worlds = {size: _workspace(Path(folder) / f"workspace-{size}" / "root", size, backend) for size in sizes}
        for run in range(runs):
            for size, world in worlds.items():
                taken = _apply(world, Path(folder) / f"run-{size}-{run}", size)
                best[size] = min(best.get(size, taken), taken, key=lambda it: it.whole)
    return best


def _workspace(root: Path, size: int, backend: str) -> World:
    """Write the files, and commit and push them."""
    world = World(root)
    world.close()  # the sandbox of each run is a process
    world.workspace(workspace="bench", **BACKENDS[backend])
    for number in range(size):
        world.campaign(f"campaign-{number:05}", leads=None, sequenceSteps=_steps(number))
    remote = root.with_name("remote.git")
    _git(root.parent, "init", "--quiet", "--bare", str(remote))
    _git(root, "init", "--quiet", "--initial-branch", "main")
    _git(root, "remote", "add", "origin", str(remote))
    _git(root, "add", "specs")
    _git(root, "-c", "user.name=bench", "-c", "user.email=bench@example.com", "commit", "--quiet", "-m", "Campaigns")
    _git(root, "push", "--quiet", "origin", "main")
    return world


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)


def _steps(number: int) -> list[dict[str, object]]:
    """Give every campaign texts of its own, as real ones have."""
    body = f"Hi {{{{firstName}}}},\n\nthis is campaign {number}.\n"
    return [
        {"subject": f"Question {number}, {{{{firstName}}}}", "bodyText": body, "delayDays": 0},
        {"subject": f"Re: Question {number}, {{{{firstName}}}}", "bodyText": body, "delayDays": 3},
    ]


def _apply(world: World, folder: Path, size: int) -> Taken:
    """Apply from a fresh state to a fresh sandbox; whatever is not created ends the measurement."""
    root = folder / "workspace"
    shutil.copytree(world.root, root)
    with _sandbox(folder / "sandbox.sqlite3") as url:
        environ = {**world.environ, "LEADTERRA_BASE_URL": url}
        _command(root, environ, "state", "init")
        begun = time.perf_counter()
        _command(root, environ, "apply", "--auto-approve")
        whole = time.perf_counter() - begun
        requests = httpx.get(url.removesuffix("/v1") + "/_sandbox/requests", timeout=60).json()["requests"]
    made = [datetime.fromisoformat(row["time"]) for row in requests if row["kind"] == "create" and row["carriedOut"]]
    if len(made) != size:
        raise RuntimeError(f"{len(made)} drafts were created instead of {size}")
    return Taken(whole, (datetime.fromisoformat(requests[-1]["time"]) - made[0]).total_seconds())


@contextmanager
def _sandbox(database: Path) -> Iterator[str]:
    """Serve a sandbox from a process of its own; give its address."""
    command = [sys.executable, "-m", "reconciler", "sandbox", "--port", "0", "--database", str(database)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            yield next(word for word in process.stderr.readline().split() if word.startswith("http"))
        finally:
            process.terminate()
            process.communicate()


def _command(root: Path, environ: Mapping[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=root,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"reconciler {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-2000:]}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
