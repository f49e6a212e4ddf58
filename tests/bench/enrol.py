"""How much of the processor it takes to enrol a long list: `make bench`.

The sandbox is served on a port by a process of its own; the command is a process as well, `reconciler apply
--auto-approve`, with a CSV list of new people, and what counts is the processor time of that process alone, all of its
threads together. Shown beside it is how much of it lay between the beginning of the enrolment and its end: the rest is
what reading, checking and comparing the list takes. A second run adds some people to the same list.

One bound holds, or the exit code is 1: 100,000 new leads take at most 5 s.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.world import World

MARK, MARK_SECONDS = 100_000, 5.0

PROGRAM = """
import json, resource, time

from reconciler import __main__
from reconciler.execution import enrolling

spent = {"enrolment": 0.0}
enroll = enrolling.enroll

def measured(work, action):
    begun = time.process_time()
    try:
        return enroll(work, action)
    finally:
        spent["enrolment"] += time.process_time() - begun

enrolling.enroll = measured
try:
    __main__.main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent["whole"], spent["memory"] = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    with open({path!r}, "w") as file:
        json.dump(spent, file)
"""


@dataclass(frozen=True)
class Taken:
    """What one apply took: seconds of processor time, in all and in the enrolment; megabytes; seconds by the clock."""

    whole: float
    enrolment: float
    memory: float
    clock: float


def main() -> int:
    """Measure, show a table, and tell which bounds are missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--leads", type=int, default=MARK)
    parser.add_argument("--more", type=int, default=10_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        root = Path(folder) / "workspace"
        world = World(root)
        world.close()  # the sandbox is a process
        everybody = chosen.leads + chosen.more
        world.workspace(workspace="bench", policy={"maxNewRecipients": everybody})
        world.campaign("large", status="running")
        with _sandbox(Path(folder) / "sandbox.sqlite3") as url:
            accounts = [{"status": "active"}] * 10
            pool = {"name": "Large", "dailyCapacity": 10 * everybody, "remaining": 10 * everybody, "accounts": accounts}
            httpx.post(url.removesuffix("/v1") + "/_sandbox/pools", json=[pool], timeout=60).raise_for_status()
            environ = {**world.environ, "LEADTERRA_BASE_URL": url}
            _command(["-m", "reconciler", "state", "init"], root, environ)
            _say(f"{'enrolled':>10}{'processor':>12}{'enrolment':>12}{'memory':>10}{'by the clock':>15}")
            first = _apply(world, environ, chosen.leads, everybody=chosen.leads)
            _apply(world, environ, chosen.more, everybody=everybody)
    if chosen.leads == MARK and first.whole > MARK_SECONDS:
        _say(f"TOO SLOW: {MARK:,} leads take {first.whole:.2f} s of the processor, the bound is {MARK_SECONDS:g} s")
        return 1
    return 0


def _apply(world: World, environ: Mapping[str, str], leads: int, *, everybody: int) -> Taken:
    """Enrol so many more of the first so many people; whoever is not enrolled ends the measurement."""
    world.leads("large", everybody)
    path = world.root / "taken.json"
    begun = time.perf_counter()
    program = PROGRAM.replace("{path!r}", repr(str(path)))
    told = _command(["-c", program, "apply", "--auto-approve"], world.root, environ)
    clock = time.perf_counter() - begun
    if f"{leads:,} enrolled" not in told:
        raise RuntimeError(f"{leads:,} leads were not enrolled:\n{told[-2000:]}")
    taken = Taken(**json.loads(path.read_text()), clock=clock)
    _say(f"{leads:>10,}{taken.whole:>10.2f} s{taken.enrolment:>10.2f} s{taken.memory:>7.0f} MB{clock:>13.1f} s")
    return taken


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


def _command(arguments: list[str], root: Path, environ: Mapping[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the command ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout + done.stderr


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
