"""Nasty lists: each is read exactly, or refused with the line of what is wrong."""

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st
from leads.makers import mended
from support.examples import examples

from reconciler.diagnostics import ReconcilerError
from reconciler.leads import csvfile, mending, textfile
from reconciler.leads.mending import Mended
from reconciler.leads.problem import Problem, Row
from reconciler.leads.textfile import Text


def read(folder: Path, content: bytes) -> tuple[Mended, list[tuple[int, tuple[str, ...]]]]:
    path = folder / "list.csv"
    path.write_bytes(content)
    return mended(path)


def broken(folder: Path, content: bytes) -> Problem | None:
    return read(folder, content)[0].broken


GOOD = {
    "plain": (b"email,name\na@x,Ada\n", [(2, ("a@x", "Ada"))]),
    "no final line feed": (b"email,name\na@x,Ada", [(2, ("a@x", "Ada"))]),
    "byte order mark": (b"\xef\xbb\xbfemail,name\na@x,Ada\n", [(2, ("a@x", "Ada"))]),
    "quoted header after a mark": (b'\xef\xbb\xbf"email","name"\na@x,Ada\n', [(2, ("a@x", "Ada"))]),
    "windows lines": (b"email,name\r\na@x,Ada\r\nb@x,Bob\r\n", [(2, ("a@x", "Ada")), (3, ("b@x", "Bob"))]),
    "old mac lines": (b"email,name\ra@x,Ada\rb@x,Bob\r", [(2, ("a@x", "Ada")), (3, ("b@x", "Bob"))]),
    "semicolons": (b"email;name\na@x;Ada, Ms\n", [(2, ("a@x", "Ada, Ms"))]),
    "bars": (b"email|name\na@x|Ada, Ms\n", [(2, ("a@x", "Ada, Ms"))]),
    "lines and bars in the header": (b'"e|m|a\nil";name\na@x;Ada\n', [(3, ("a@x", "Ada"))]),
    "tabs": (b"email\tname\na@x\tAda, Ms; x\n", [(2, ("a@x", "Ada, Ms; x"))]),
    "a semicolon in a quoted name": (b'email,"a;b;c"\na@x,Ada\n', [(2, ("a@x", "Ada"))]),
    "blank lines": (b"\n  \nemail,name\n\n\na@x,Ada\n \n,\n\nb@x,Bob\n", [(6, ("a@x", "Ada")), (10, ("b@x", "Bob"))]),
    "blanks around": (b" email , name \n a@x ,  Ada \n", [(2, ("a@x", "Ada"))]),
    "doubled quotes": (b'email,name\na@x,"Ada ""A"" L"\n', [(2, ("a@x", 'Ada "A" L'))]),
    "lines in cells": (
        b'email,name\na@x,"Ada\nL\r\nB"\nb@x,Bob\n',
        [(2, ("a@x", "Ada\nL\r\nB")), (5, ("b@x", "Bob"))],
    ),
    "lines in the header": (b'email,"na\nme"\na@x,Ada\n', [(3, ("a@x", "Ada"))]),
    "line separators of Unicode are text": (
        "email,name\na@x,A\u2028\x0b\x85d\n".encode(),
        [(2, ("a@x", "A\u2028\x0b\x85d"))],
    ),
    "header only": (b"email,name\n", []),
    "an @ in a name": (b"email,Twitter @,@handle\na@x,b,c\n", [(2, ("a@x", "b", "c"))]),
    "one column": (b"email\na@x\n", [(2, ("a@x",))]),
}


@pytest.mark.parametrize(("content", "rows"), GOOD.values(), ids=GOOD)
def test_a_good_list_is_read_exactly(tmp_path: Path, content: bytes, rows: list[tuple[int, tuple[str, ...]]]) -> None:
    told, found = read(tmp_path, content)
    assert (told.bad, told.rejected, told.notes, told.broken) == ((), 0, (), None)
    assert found == rows


BROKEN = {
    "empty": (b"", "lead-header", 1, "empty"),
    "blank": (b"\n \n", "lead-header", 1, "empty"),
    "mark only": (b"\xef\xbb\xbf", "lead-header", 1, "empty"),
    "NUL in the header": (b"em\x00ail\n", "lead-encoding", 1, "UTF-8"),
    "two columns of one name": (b"email,name, name\na@x,A,B\n", "lead-header", 1, "`name`"),
    "no header": (b"\nada@example.com,Ada\n", "lead-header", 2, "address"),
    "no header, spaced": (b"ada @ example.com,Ada\n", "lead-header", 1, "address"),
    "quote never closed": (b'email,name\na@x,"Ada\nb@x,Bob\n', "lead-quote", 2, "never closed"),
    "quote never closed, later line": (b'email,a,b\n\na@x,"1\n2","3\nb@x,c,d\n', "lead-quote", 4, "never closed"),
    "quote at the very end": (b'email,name\na@x,"', "lead-quote", 2, "never closed"),
    "after a closing quote": (b'email,name\na@x,"Ada"x\n', "lead-quote", 2, "follows the closing quote"),
    "blank after a closing quote": (b'email,name\na@x,"Ada" ,\n', "lead-quote", 2, "follows the closing quote"),
    "closed by the next line": (b'email,name\n"a@x,Ada\n"b@x","Bob"\n', "lead-quote", 2, "follows the closing quote"),
    "in the header": (b'email,"name\n', "lead-quote", 1, "never closed"),
    "inside a name": (b'email,na"me\na@x,b\n', "lead-quote", 1, "in the middle"),
    "an endless cell": (b'email,name\nb@x,B\na@x,"' + b"x" * 140_000 + b'\nb@x,"C"\n', "lead-quote", 3, "longer than"),
    "an endless cell without quotes": (b"email,name\na@x," + b"x" * 140_000, "lead-quote", 2, "longer than"),
}


@pytest.mark.parametrize(("content", "code", "line", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_list_is_refused_at_its_line(tmp_path: Path, content: bytes, code: str, line: int, words: str) -> None:
    told, rows = read(tmp_path, content)
    assert told.broken is not None
    assert (told.broken.code, told.broken.line) == (code, line)
    assert words in f"{told.broken.message} {told.broken.hint}"
    assert all(number < line for number, _ in rows)


BAD_ROWS = {
    "too few": (b"email,name\na@x\nb@x,Bob\n", "lead-row", 2),
    "too many": (b"email,name\n\na@x,Ada,L\nb@x,Bob\n", "lead-row", 3),
    "a bad byte among good ones": (b"email,name\na@x,\xc3\xa9\xe9\nb@x,Bob\n", "lead-encoding", 2),
    "a bad byte on the second line of a row": (b'email,name\na@x,"A\nd\x81"\nb@x,Bob\n', "lead-encoding", 3),
    "cut short within a character": (b"email,name\nb@x,Bob\na@x,Zo\xc3", "lead-encoding", 3),
    "NUL": (b"email,name\na@x,A\x00\nb@x,Bob\n", "lead-encoding", 2),
    "a quote in the middle": (b'email,name\na@x,5" pipe\nb@x,Bob\n', "lead-quote", 2),
    "a blank before the quote": (b'email,name\na@x, "Ada"\nb@x,Bob\n', "lead-quote", 2),
    "a quote in the middle, later line": (b'email,"n"\n"a\n@x",5" pipe\nb@x,Bob\n', "lead-quote", 3),
}


@pytest.mark.parametrize(("content", "code", "line"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_left_out_and_told(tmp_path: Path, content: bytes, code: str, line: int) -> None:
    told, rows = read(tmp_path, content)
    assert (told.broken, told.rejected, told.notes) == (None, 1, ())
    assert [(problem.code, problem.line) for problem in told.bad] == [(code, line)]
    assert [cells for _, cells in rows] == [("b@x", "Bob")]


def test_bad_rows_before_a_break_are_told_too(tmp_path: Path) -> None:
    told, rows = read(tmp_path, b'email,name\na@x\nc@x,Cy\nb@x,"Bob\n')
    assert [problem.line for problem in told.bad] == [2]
    assert (told.header, told.rows, rows) == (("email", "name"), 1, [(3, ("c@x", "Cy"))])
    assert told.broken is not None


def test_of_many_bad_rows_the_first_are_kept_and_all_counted(tmp_path: Path) -> None:
    told, _ = read(tmp_path, b"email,name\n" + b"a@x\n" * 7)
    assert ([problem.line for problem in told.bad], told.rejected) == ([2, 3, 4, 5, 6], 7)


def test_a_list_that_is_too_large_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textfile, "LARGEST_FILE", 20)
    assert broken(tmp_path, b"email,name\na@x,Ada\n") is None
    problem = broken(tmp_path, b"email,name\na@x,Adalbert\n")
    assert problem is not None
    assert problem.code == "lead-list-size"


def test_a_row_without_end_is_not_held(tmp_path: Path) -> None:
    """Neither one long line, nor many lines of quoted cells."""
    line, cell = b"email\n" + b"a," * textfile.LONGEST_ROW, b'"' + b"a\n" * 60_000 + b'",'
    for content in (line, b"email\n" + cell * 10):
        problem = broken(tmp_path, content)
        assert problem is not None
        assert (problem.code, problem.line) == ("lead-row", 2)
        assert "longer than 1,000,000 characters" in problem.message


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        problem = mending.mend(path, tmp_path / "out").broken
        assert problem is not None
        assert (problem.code, problem.message) == (
            "lead-list-unreadable",
            "the list could not be read: it is not a file",
        )


def test_an_error_of_the_system_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, whole = tmp_path / "list.csv", Path.open

    def refuse(self: Path, *args: Any, **more: Any) -> Any:
        if self == path:
            raise PermissionError(13, "Permission denied")
        return whole(self, *args, **more)

    path.write_text("email\n")
    monkeypatch.setattr(Path, "open", refuse)
    problem = mending.mend(path, tmp_path / "out").broken
    assert problem is not None
    assert problem.message == "the list could not be read: permission denied"


def test_a_copy_that_finds_no_room_is_told(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("email\na@x\n")
    with pytest.raises(ReconcilerError, match="not enough room on the disk"):
        mending.mend(path, Path("/dev/full"))


def test_a_list_that_grows_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "list.csv"
    path.write_text("email\na@x\n")
    whole = csvfile.read_csv

    def slowly(text: Text) -> tuple[tuple[str, ...], int, Iterator[Row | Problem]]:
        found = whole(text)
        path.write_text("email\na@x\nb@x\n")
        return found

    monkeypatch.setattr(mending, "read_csv", slowly)
    problem = mending.mend(path, tmp_path / "out").broken
    assert problem is not None
    assert "changed while it was read" in problem.message


_CELL = st.text(st.sampled_from('ab,;|\t"\n\r é'), max_size=6)


@examples(150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(_CELL, _CELL), max_size=6),
    delimiter=st.sampled_from(",;|\t"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
@example(rows=[("a", 'x"\n'), ("", "")], delimiter=";", end="\r\n")
def test_what_a_careful_writer_wrote_is_read_back(
    tmp_path: Path, rows: list[tuple[str, str]], delimiter: str, end: str
) -> None:
    """Quoting everything, the csv module's writer and this reader agree on every cell and on the lines."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(("email", "name"))
    expected = []
    for row in rows:
        text = out.getvalue()
        line = 1 + text.count("\r\n") + text.replace("\r\n", "").count("\n") + text.replace("\r\n", "").count("\r")
        writer.writerow(row)
        trimmed = tuple(cell.strip() for cell in row)
        if any(trimmed):
            expected.append((line, trimmed))
    told, found = read(tmp_path, out.getvalue().encode())
    assert (told.bad, told.broken) == ((), None)
    assert found == expected


@examples(200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.lists(st.sampled_from(list(b'ab,;\t"\n\r @\xe9\x00')), max_size=40).map(bytes))
def test_no_bytes_are_read_unlike_the_csv_module_or_crash(tmp_path: Path, content: bytes) -> None:
    """Whatever is accepted as a row is what the csv module alone makes of these bytes, and lines only ascend."""
    told, rows = read(tmp_path, b"email,name\n" + content)
    lines = [line for line, _ in rows]
    assert lines == sorted(lines)
    assert told.header == ("email", "name")
    text = content.decode("cp1252") if told.notes else content.decode(errors="surrogateescape")
    try:
        plain = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        assert told.broken is not None
        return
    assert told.broken is None
    theirs = [tuple(cell.strip() for cell in row) for row in plain]
    assert all(cells in theirs for _, cells in rows)
    assert told.rows + told.rejected == sum(any(row) for row in theirs)


def test_a_list_of_too_many_columns_is_refused(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(csvfile.MOST_COLUMNS)]
    assert broken(tmp_path, ",".join(names).encode()) is None
    problem = broken(tmp_path, ",".join([*names, "one_more"]).encode())
    assert problem is not None
    assert (problem.code, problem.line) == ("lead-header", 1)
    assert problem.message == "the list has 1,001 columns; at most 1,000 are read"
