"""How long a plan takes over a long list, and how much memory: `make bench`. A measurement, not a test.

A list of six columns is read by `reconciler plan`, in a process of its own, against plain DuckDB doing only what cannot
be left out, in the same run and with the same limits: read, trim and lower, hash (HMAC-SHA256 of the address and of the
fields, as the ledger has it), count the distinct. Then everybody of the list is put into the ledger, and the plan that
finds nothing to do is measured, first reading the list, then not reading it again.

Beyond a million, one run is enough.

Bounds, or the exit code is 1: at one million the plan takes at most twice as long as plain DuckDB; no plan takes more
than 512 MB; the plan that finds nothing to do takes less than a second.
"""

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.world import World

from reconciler import wiring
from reconciler.leads.ledger import entry_of
from reconciler.model.roster import Lead
from reconciler.model.state import CampaignState, Cohort, dump_steps
from reconciler.ports import update_state

MILLION = 1_000_000
TIMES, MOST_MB, NOTHING = 2.0, 512, 1.0
COLUMNS = ("email", "firstName", "lastName", "company", "jobTitle", "city")
PLAIN = """
import duckdb, sys
con = duckdb.connect(":memory:", config={"memory_limit": "300MB", "threads": 2, "temp_directory": sys.argv[2]})
key = [bytes(byte ^ pad for byte in bytes(64)) for pad in (0x36, 0x5C)]
inner, outer = ("'" + "".join(f"\\\\x{byte:02X}" for byte in pad) + "'::BLOB" for pad in key)
def keyed(text):
    if sys.argv[3] == "sha256":
        return f"sha256({text})"
    return f"('0x' || left(sha256({outer} || unhex(sha256({inner} || encode({text})))), 32))::UHUGEINT"
cells = [f"trim(c{index})" for index in range(6)]
columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(6))
source = f"read_csv('{sys.argv[1]}', auto_detect = false, header = false, skip = 1, columns = {{{columns}}})"
con.execute(
    f"CREATE TABLE hashes AS SELECT {keyed(f'lower({cells[0]})')} AS a,"
    f" {keyed('lower(' + cells[0] + ') || ' + ' || '.join(cells[1:]))} AS f FROM {source}"
)
print(con.execute("SELECT count(DISTINCT a), min(f) FROM hashes").fetchall()[0][0])
"""


class Taken(NamedTuple):
    """What a process took."""

    seconds: float
    megabytes: float


def main() -> int:
    """Measure, show a table, and tell which bounds are missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=(MILLION, 10 * MILLION))
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    missed: list[str] = []
    _say(f"{'leads':>12}  {'what':<46}{'best':>9}{'memory':>10}")
    for size in chosen.sizes:
        with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
            missed += _measure(Path(folder), size, chosen.runs if size <= MILLION else 1)
    for line in missed:
        _say(line)
    return int(bool(missed))


def _measure(folder: Path, size: int, runs: int) -> list[str]:
    world = World(folder / "work")
    try:
        path = write(world.root / "lists" / "list.csv", size)
        (folder / "spill").mkdir()
        world.campaign("big", leads={"source": "leads:list.csv"}, status="running")
        world.session()
        plain = _row("plain DuckDB, plain SHA-256", size, [*_python(path, folder), "sha256"], world, runs)
        keyed = _row("plain DuckDB, keyed as the ledger is", size, [*_python(path, folder), "hmac"], world, runs)
        plan = ["plan", "--no-refresh"]
        first = _row("plan", size, _reconciler(plan), world, runs, forget=True)
        _enrolled(world, path, size)
        nothing = [*plan, "--detailed-exitcode"]
        read = _row("plan, nothing to do, the list read", size, _reconciler(nothing), world, runs, forget=True)
        again = _row("plan, nothing to do, the list unchanged", size, _reconciler(nothing), world, runs)
    finally:
        world.close()
    missed = []
    _say(
        f"{'':>12}  {first.seconds / keyed.seconds:.2f} times plain DuckDB, {first.seconds / plain.seconds:.2f} unkeyed"
    )
    if size == MILLION and first.seconds > TIMES * keyed.seconds:
        missed.append(
            f"TOO SLOW: the plan of {size:,} leads takes {first.seconds / keyed.seconds:.2f} times plain DuckDB"
        )
    if again.seconds > NOTHING:
        missed.append(f"TOO SLOW: nothing to do with {size:,} leads takes {again.seconds:.2f} s")
    if max(taken.megabytes for taken in (first, read, again)) > MOST_MB:
        missed.append(f"TOO MUCH: a plan of {size:,} leads takes {max(first.megabytes, read.megabytes):.0f} MB")
    return missed


def write(path: Path, size: int) -> Path:
    """Write a list."""
    with path.open("w") as stream:
        stream.write(",".join(COLUMNS) + "\n")
        stream.writelines(",".join(row(number)) + "\n" for number in range(size))
    return path


def row(number: int) -> tuple[str, ...]:
    """Return the cells of a person."""
    firm = number % 40_000
    name, title = f"Ann{number % 900}", f"Head of Things {number % 100}"
    return (f"person{number}@c{firm}.example.com", name, f"Smith{number % 5000}", f"Company {firm} Ltd", title, "Bern")


def _enrolled(world: World, path: Path, size: int) -> None:
    """Make the state that an enrolment of the whole list leaves: running, and everybody in the ledger."""
    session = world.session()
    (campaign,) = session.desired.campaigns
    state = session.store.read()
    key = wiring.ledger_key(state, world.settings)
    # In another process: what this one has held counts as memory of its children.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        starts = range(0, size, MILLION)
        entries = pool.map(_entries, repeat(key), starts, (min(start + MILLION, size) for start in starts))
        segments = [session.store.put_blob(segment) for segment in entries]
    session.store.put_blob(dump_steps(campaign.steps))
    now = wiring.now()
    entry = CampaignState(
        id="camp_1",
        name=campaign.name,
        file=campaign.file,
        status="running",
        started_at=now,
        steps_digest=campaign.steps_digest,
        sources=campaign.sources,
        ledger=tuple(segments),
        cohorts=(Cohort(at=now, sent=size, accepted=size),),
    )
    update_state(session.store, lambda state: state.with_campaign("big", entry), by="bench", at=now, what="")
    os.utime(path, (1, 1))


def _entries(key: bytes, start: int, stop: int) -> bytes:
    return b"".join(
        entry_of(key, Lead(cells[0], dict(zip(COLUMNS[1:], cells[1:], strict=True)), 0))
        for cells in map(row, range(start, stop))
    )


def _python(path: Path, folder: Path) -> list[str]:
    return [sys.executable, "-c", PLAIN, str(path), str(folder / "spill")]


def _reconciler(words: Sequence[str]) -> list[str]:
    return [str(Path(sys.executable).with_name("reconciler")), *words]


def _run(command: Sequence[str], world: World, *, forget: bool) -> Taken:
    if forget:
        shutil.rmtree(world.place.folder / "cache", ignore_errors=True)
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=world.root, env=world.environ, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, 1}:
        raise SystemExit(f"{' '.join(command[:3])} ended with {process.returncode}")
    return Taken(seconds, used.ru_maxrss / 1024)


def _row(what: str, size: int, command: Sequence[str], world: World, runs: int, *, forget: bool = False) -> Taken:
    best = min((_run(command, world, forget=forget) for _ in range(runs)), key=lambda taken: taken.seconds)
    _say(f"{size:>12,}  {what:<46}{best.seconds:>7.2f} s{best.megabytes:>7.0f} MB")
    return best


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
