"""`leads.where`: one SQL condition of a stranger, in a database of its own that sees this one file and nothing else.

The condition is parsed first: it must be a single expression of columns, constants, comparisons and plain functions. It
then runs where DuckDB has no access to anything but the file and the one it writes, cannot change its settings, and
is interrupted after a while. So neither of these walls stands alone.
"""

import difflib
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.leads.engine import connect, literal
from reconciler.leads.engine import name as quoted
from reconciler.leads.shown import name_shown, names_shown

if TYPE_CHECKING:
    import duckdb

SECONDS = 60.0
"""How long a condition may work on one file."""

_ALLOWED = frozenset(
    {"BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "OPERATOR", "TYPE"}
)
_NULL_TESTS = frozenset({"OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"})
FUNCTIONS = frozenset(
    word
    for words in (
        "+ - * / // % || ~~ !~~ ~~* !~~* ~~~ ~ !~ ^@ abs add ceil ceiling divide floor greatest least mod multiply",
        "round sign subtract trunc concat concat_ws contains ends_with ilike_escape in_range instr left len length",
        "like_escape lower ltrim not_ilike_escape not_like_escape position prefix regexp_extract regexp_full_match",
        "regexp_matches regexp_replace replace reverse right rtrim split_part starts_with strip_accents strlen strpos",
        "str_split substr substring suffix trim upper editdist3 hamming jaccard jaro_similarity levenshtein",
        "jaro_winkler_similarity datediff date_diff date_part date_trunc day dayofweek month year strptime",
        "try_strptime ifnull list_contains list_value nullif row",
    )
    for word in words.split()
)
"""What a condition may call: it depends on the row alone, and bounds what it makes."""


class ConditionError(Exception):
    """The condition cannot be used; its text says why in words that quote nothing of the list."""

    def __init__(self, words: str, hint: str) -> None:
        super().__init__(words)
        self.hint = hint


def matching(rows: str, columns: Mapping[str, str], where: str, *, reads: Path, out: Path) -> None:
    """Write the numbers of the rows that a condition lets through, from 0, as a Parquet file with the column `number`.

    `rows` is a relation on the file `reads`; `columns` tells the cell of each name that the condition may use. Raises
    `ConditionError`.
    """
    import duckdb

    database = open_locked(out.parent, reads=reads, out=out)
    try:
        parsed = database.execute("SELECT json_serialize_sql($1)", [f"SELECT (\n{where}\n)"]).fetchall()[0][0]
        check(where, parsed, list(columns))
        cells = "".join(f", coalesce(trim({cell}), '') AS {quoted(name)}" for name, cell in columns.items())
        source = f"(SELECT row_number() OVER () - 1 AS number{cells} FROM {rows})"
        kind = database.execute(f"DESCRIBE SELECT (\n{where}\n) FROM {source}").fetchall()[0][1]
        if kind != "BOOLEAN":
            raise ConditionError("`where` is no condition: it is neither true nor false", _HINT)
        timer = threading.Timer(SECONDS, database.interrupt)
        timer.start()
        try:
            database.execute(
                f"COPY (SELECT number FROM {source} WHERE (\n{where}\n)) TO {literal(str(out))} (FORMAT parquet)"
            )
        finally:
            timer.cancel()
    except duckdb.InterruptException:
        words = f"`where` took longer than {SECONDS:.0f} seconds"
        raise ConditionError(words, "Make it simpler, or prepare the list before.") from None
    except (duckdb.OutOfMemoryException, duckdb.IOException):
        raise ConditionError("`where` needs more memory than it may have", "Make it simpler.") from None
    except duckdb.Error as problem:
        raise _failed(problem) from None
    finally:
        database.close()


_HINT = "Write one condition on columns of the list, as in: `where: \"country = 'DE' AND title ILIKE '%sales%'\"`."


def open_locked(folder: Path, *, reads: Path, out: Path) -> "duckdb.DuckDBPyConnection":
    """Open a database that can read one file and write another, and do nothing else outside of itself."""
    walls = {"allowed_paths": [str(reads), str(out)], "enable_external_access": False, "lock_configuration": True}
    return connect(folder / f"{out.stem}-where", settings=walls)


def check(where: str, parsed: str, columns: Sequence[str]) -> None:
    """Raise `ConditionError` unless this is a single expression of allowed parts; `parsed` is DuckDB's tree of it."""
    try:
        tree = json.loads(parsed)
    except RecursionError:
        raise ConditionError("`where` is nested too deeply", "Make it simpler.") from None
    if tree.get("error"):
        raise ConditionError("`where` could not be understood as SQL", _HINT)
    statements = tree["statements"]
    node = statements[0]["node"] if len(statements) == 1 else {}
    alone = (
        node.get("type") == "SELECT_NODE"
        and len(node.get("select_list", ())) == 1
        and node.get("from_table", {}).get("type") == "EMPTY"
        and not any(node.get(part) for part in ("modifiers", "where_clause", "group_expressions", "having", "qualify"))
        and not node.get("cte_map", {}).get("map")
    )
    if not alone or ";" in _without_texts(where):
        raise ConditionError("`where` must be a single condition, and nothing after it", _HINT)
    for part in _parts(node["select_list"]):
        _check_part(part, columns)


def _check_part(part: Mapping[str, Any], columns: Sequence[str]) -> None:
    kind = part["class"]
    if kind not in _ALLOWED:
        raise ConditionError(f"`where` may have no {kind.lower().replace('_', ' ')} in it", _HINT)
    function = part.get("function_name", "").lower()
    if kind == "FUNCTION" and function not in FUNCTIONS:
        near = difflib.get_close_matches(function, sorted(filter(str.isidentifier, FUNCTIONS)), n=2, cutoff=0.7)
        meant = f"Did you mean {' or '.join(map(name_shown, near))}? " if near else ""
        rest = "docs/reference.md, “A part of a list”, names all functions that it may call."
        raise ConditionError(f"`where` may not call {name_shown(function)}", meant + rest)
    if part["type"] in _NULL_TESTS and part["children"][0]["class"] == "COLUMN_REF":
        name = name_shown(".".join(part["children"][0]["column_names"]))
        raise ConditionError(
            f"`where` asks whether {name} is NULL, and no cell is: a blank one is the empty text",
            "Write `country = ''` or `country <> ''`.",
        )
    if kind == "COLUMN_REF":
        name = ".".join(part["column_names"])
        if name.casefold() not in {column.casefold() for column in columns}:
            near = difflib.get_close_matches(name, columns, n=1)
            hint = f"Did you mean {name_shown(near[0])}? " if near else ""
            words = f"`where` names {name_shown(name)}, and the list has no such column"
            raise ConditionError(words, f"{hint}Columns are {names_shown(columns)}. Texts stand in single quotes.")


def _parts(tree: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON
    todo = [tree]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            if "class" in part:
                yield part
            todo += part.values()
        elif isinstance(part, list):
            todo += part


def _without_texts(where: str) -> str:
    return re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", "", where)


def _failed(problem: Exception) -> ConditionError:
    kind = type(problem).__name__
    if kind == "ConversionException":
        words = "`where` turns a text into a number or a date, and some row has none there"
        return ConditionError(words, "TRY_CAST(… AS INTEGER) gives NULL then, and such rows are left out.")
    if kind == "BinderException":
        words = "`where` compares or calls something with what does not fit"
        return ConditionError(
            words, "Columns of a list are text; TRY_CAST(employees AS INTEGER) makes a number of one."
        )
    return ConditionError("`where` failed on some row", "Make it simpler.")
