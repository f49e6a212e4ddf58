"""Three people of a list whose emails show how much room there is between the shortest and the longest value."""

import itertools
from collections.abc import Iterable

from reconciler.leads import cleaning
from reconciler.leads.engine import Engine
from reconciler.leads.lists import LoadedList

_numbers = itertools.count()


def chosen(engine: Engine, loaded: LoadedList, people: str) -> tuple[int, int, int] | None:
    """Choose out of `people`, a relation of `ord`, by the values of the tokens: the rows (`ord`) of three leads.

    They are the one nearest to the median of the lengths of all values, the longest, and the one with most blanks; of
    equals the first one. None: there is nobody. The list is read once more, as only hashes are kept of it.
    """
    table = f"sizes{next(_numbers)}"
    engine.rows(f"CREATE TABLE {table} (ord BIGINT, size BIGINT, blanks INTEGER)")
    try:
        for part in loaded.parts:
            values = [part.shape.value(token) for token in loaded.tokens]
            size = _sum(f"length({value})" for value in values)
            blanks = _sum(f"({value} = '')::INTEGER" for value in values)
            rows = f"(SELECT row_number() OVER () - 1 + {part.first} AS ord, * FROM {part.file.rows})"
            leads = cleaning.leads(rows, len(part.file.header), part.shape, also=", ord")
            mine = f"SELECT ord FROM {people} WHERE ord >= {part.first}"
            engine.rows(
                f"INSERT INTO {table} SELECT ord, {size}, {blanks} FROM ({leads}) SEMI JOIN ({mine}) USING (ord)"
            )
        order = (f"abs(size - (SELECT median(size) FROM {table}))", "size DESC", "blanks DESC")
        found = [engine.rows(f"SELECT ord FROM {table} ORDER BY {first}, ord LIMIT 1") for first in order]
    finally:
        engine.rows(f"DROP TABLE {table}")
    if not found[0]:
        return None
    typical, longest, missing = (int(rows[0][0]) for rows in found)
    return typical, longest, missing


def _sum(terms: Iterable[str]) -> str:
    return " + ".join(terms) or "0"
