"""DuckDB, held in bounds: so much memory, a private folder to spill into that goes away, nothing fetched from afar."""

import contextlib
import os
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.diagnostics import ReconcilerError, error

if TYPE_CHECKING:
    import duckdb
    from numpy import ndarray

MEMORY_MB = 300
"""What DuckDB may hold; beyond it spills. The program around it needs some 100 MB more."""

_MOST_THREADS = 4
"""Each thread that reads a list has buffers of its own."""

_PREFIX = "reconciler-lists-"
_ABANDONED = 86_400.0
"""Seconds. A folder that is older belonged to a process that was killed: no run takes a day."""

_LOCKED: dict[str, Any] = {
    "allow_community_extensions": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_progress_bar": False,
    "python_enable_replacements": False,
    "preserve_insertion_order": True,
}


class Engine:
    """One database in memory, for the lists of one run. Safe for threads; it begins with its first statement.

    `folder` is for what does not fit into memory and for copies of lists, readable for this user alone. It goes away
    with the engine. Raises `ReconcilerError` (`lead-engine`) where memory or disk run out.
    """

    def __init__(self, functions: Mapping[str, Callable[[str], str | bool | None]]) -> None:
        self._functions = functions
        self._lock = threading.Lock()
        self._root: duckdb.DuckDBPyConnection | None = None
        self._folder: Path | None = None
        self._mine = threading.local()

    @property
    def folder(self) -> Path:
        """The private folder; made when it is first needed."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            _tidy(self._folder.parent)
        return self._folder

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows. Raises `duckdb.Error` where the statement or its data are at fault."""
        with bounded():
            return self._cursor().execute(sql).fetchall()

    def load(self, sql: str, columns: "Mapping[str, ndarray[Any, Any]]") -> None:
        """Run one statement that reads these columns as the table `given`."""
        cursor = self._cursor()
        with bounded():
            cursor.register("given", dict(columns))
            try:
                cursor.execute(sql)
            finally:
                cursor.unregister("given")

    def _cursor(self) -> "duckdb.DuckDBPyConnection":
        cursor: duckdb.DuckDBPyConnection | None = getattr(self._mine, "cursor", None)
        if cursor is None:
            from duckdb.func import SPECIAL

            with self._lock:
                if self._root is None:
                    self._root = connect(self.folder, settings={})
                    for name, function in self._functions.items():
                        returns = "BOOLEAN" if name.startswith("is_") else "VARCHAR"
                        self._root.create_function(name, function, ["VARCHAR"], returns, null_handling=SPECIAL)
                    self._root.execute("SET lock_configuration = true")
            self._mine.cursor = cursor = self._root.cursor()
        return cursor


def _tidy(parent: Path) -> None:
    """Remove what processes that were killed have left behind; what is somebody else's stays."""
    for path in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED:
                shutil.rmtree(path)


def connect(folder: Path, *, settings: Mapping[str, Any]) -> "duckdb.DuckDBPyConnection":
    """Open a database in memory that spills into a folder, with further settings on top of the usual bounds."""
    import duckdb

    bounds: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{MEMORY_MB}MB",
        "threads": min(os.cpu_count() or 1, _MOST_THREADS),
        "temp_directory": str(folder / "spill"),
    }
    opened = duckdb.connect(":memory:", config=bounds)
    for name, value in {**_LOCKED, **settings}.items():
        opened.execute(f"SET {name} = {literal(value)}")
    return opened


def literal(value: str | float | bytes | Sequence[str]) -> str:
    """Write a value as SQL."""
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, bytes):
        return "'" + "".join(f"\\x{byte:02X}" for byte in value) + "'::BLOB"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"[{', '.join(map(literal, value))}]"


def name(text: str) -> str:
    """Write the name of a column or table as SQL."""
    return '"' + text.replace('"', '""') + '"'


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Raise `ReconcilerError` (`lead-engine`) where memory runs out, or room for what is written."""
    import duckdb

    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException, OSError) as problem:
        full = not isinstance(problem, duckdb.OutOfMemoryException)
        if full and "no space left" not in str(problem).lower():
            raise
        words = f"the lists could not be worked through: there is not enough {'room on the disk' if full else 'memory'}"
        hint = (
            f"They need {MEMORY_MB} MB of memory, and room in {tempfile.gettempdir()} (TMPDIR chooses another folder)."
        )
        raise ReconcilerError(error("lead-engine", words, hint=hint)) from problem
