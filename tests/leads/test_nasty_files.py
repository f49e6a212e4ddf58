"""A corpus of lists as people have them: what each holds, by the strict reader alone and through the product."""

import codecs
import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st
from leads.makers import make_campaign, make_source, mended
from support.examples import examples

from reconciler.leads import reading, textfile
from reconciler.leads.mending import sniff
from reconciler.leads.roster import LeadLists
from reconciler.tokens import is_visible

_Row = tuple[int, Sequence[str]]
ADA, BOB, CY = "ada@example.com", "bob@example.com", "cy@example.com"
USUAL = ((2, (ADA, "Ada")), (3, (BOB, "Zoë")))
TEXT = f"email,name\n{ADA},Ada\n{BOB},Zoë\n"
HUGE = "x" * 131_072
LATIN = f"email,name\n{ADA},Ada\n{BOB},{{}}\n"


class Case(NamedTuple):
    """A file: its rows by line, the problems with others by code and line, the codes of notes; `plain`: no copy."""

    content: bytes
    rows: Sequence[_Row] = USUAL
    bad: Sequence[tuple[str, int]] = ()
    broken: tuple[str, int | None] | None = None
    notes: Sequence[str] = ()
    header: tuple[str, ...] = ("email", "name")
    name: str = "list.csv"
    plain: bool = False


def text(written: str, *rows: _Row, plain: bool = False, bad: Sequence[tuple[str, int]] = ()) -> Case:
    return Case(written.encode(), rows, bad, plain=plain)


def lines(*written: str) -> bytes:
    return "".join(f"{line}\n" for line in written).encode()


def jsonl(*written: str, rows: Sequence[_Row] = (), bad: Sequence[tuple[str, int]] = ()) -> Case:
    return Case(lines(*written), rows, bad, name="list.jsonl")


def refused(content: bytes, code: str, line: int | None, name: str = "list.csv") -> Case:
    return Case(content, (), broken=(code, line), header=(), name=name)


GOOD_LINE = json.dumps({"email": BOB, "name": "Bob"})
GOOD_ROW = (1, (BOB, "Bob"))
PACKED = gzip.compress(TEXT.encode())

CASES = {
    "plain": Case(TEXT.encode(), plain=True),
    "semicolons": Case(TEXT.replace(",", ";").encode(), plain=True),
    "tabs": Case(TEXT.replace(",", "\t").encode(), name="list.tsv", plain=True),
    "bars": Case(TEXT.replace(",", "|").encode(), name="list.txt", plain=True),
    "capital ending": Case(TEXT.encode(), name="LIST.CSV", plain=True),
    "commas in cells of a list with semicolons": text(
        f'email;name\n{ADA};a,b,c\n{BOB};"x;y"\n', (2, (ADA, "a,b,c")), (3, (BOB, "x;y")), plain=True
    ),
    "CRLF": Case(TEXT.replace("\n", "\r\n").encode(), plain=True),
    "CR": Case(TEXT.replace("\n", "\r").encode()),
    "ends of lines mixed": text(
        f"email,name\r\n{ADA},Ada\n{BOB},Bob\r{CY},Cy\r\n", (2, (ADA, "Ada")), (3, (BOB, "Bob")), (4, (CY, "Cy"))
    ),
    "no last end of line": Case(TEXT.rstrip().encode(), plain=True),
    "UTF-8 with a mark": Case(TEXT.encode("utf-8-sig"), plain=True),
    "UTF-16 with a mark": Case(TEXT.encode("utf-16")),
    "UTF-16 BE with a mark": Case(("\ufeff" + TEXT).encode("utf-16-be")),
    "UTF-16 LE without a mark": Case(TEXT.encode("utf-16-le")),
    "UTF-16 BE without a mark": Case(TEXT.encode("utf-16-be")),
    "UTF-32": Case(TEXT.encode("utf-32")),
    "UTF-32 BE": Case(("\ufeff" + TEXT).encode("utf-32-be")),
    "UTF-16 with a lone surrogate": Case(
        f"email,name\n{ADA},Ada\n{BOB},\ud800\n".encode("utf-16", "surrogatepass"),
        USUAL[:1],
        bad=[("lead-encoding", 3)],
    ),
    "UTF-16 cut within a character": Case(
        f"email,name\n{ADA},Ada\n{BOB},x".encode("utf-16")[:-1], USUAL[:1], bad=[("lead-encoding", 3)]
    ),
    "Windows-1252": Case(TEXT.encode("cp1252"), notes=["lead-encoding"]),
    "Windows-1252 with signs": Case(
        LATIN.format("“François” \u2013 5 € L\u2019Œuvre… £").encode("cp1252"),
        [USUAL[0], (3, (BOB, "“François” \u2013 5 € L\u2019Œuvre… £"))],
        notes=["lead-encoding"],
    ),
    "Windows-1252 in capitals": Case(
        LATIN.format("FRANÇOIS MÜLLER-ÅÄB\xa0").encode("cp1252"),
        [USUAL[0], (3, (BOB, "FRANÇOIS MÜLLER-ÅÄB"))],
        notes=["lead-encoding"],
    ),
    **{
        f"not Windows-1252: {encoding}": Case(
            LATIN.format(word).encode(encoding), USUAL[:1], bad=[("lead-encoding", 3)]
        )
        for encoding, word in {
            "cp1251": "Сергей", "cp1253": "Γιώργος", "koi8-r": "Иван", "cp437": "Müller", "cp850": "Jörg",
            "mac-roman": "André", "shift-jis": "田中太郎", "gbk": "王小明", "cp1255": "שלום",
        }.items()
    },
    "UTF-8 with a broken character": Case(
        LATIN.format("Zoë Müller").encode()[:-9] + b"\xfcller\n", USUAL[:1], bad=[("lead-encoding", 3)]
    ),
    "Windows-1252 with a control": Case(
        LATIN.format("Zoë\x01").encode("cp1252"), USUAL[:1], bad=[("lead-encoding", 3)]
    ),
    "lines in quotes": text(
        f'email,name\n{ADA},"Ada\nL\r\nB"\n{BOB},Bob\n', (2, (ADA, "Ada\nL\r\nB")), (5, (BOB, "Bob"))
    ),
    "doubled quotes": text(
        f'email,name\n{ADA},"say ""hi"""\n{BOB},""""\n', (2, (ADA, 'say "hi"')), (3, (BOB, '"'))
    ),
    "all quoted": text(
        f'"email","name"\n"{ADA}","A,d,a"\n"{BOB}",""\n', (2, (ADA, "A,d,a")), (3, (BOB, "")), plain=True
    ),
    "backslashes": text(f'email,name\n{ADA},"a\\"\n{BOB},\\N\n', (2, (ADA, "a\\")), (3, (BOB, "\\N")), plain=True),
    "words that mean nothing": text(
        f"email,name\n{ADA},NULL\n{BOB},nan\n", (2, (ADA, "NULL")), (3, (BOB, "nan")), plain=True
    ),
    "comment signs": text(f"email,name\n#{ADA},#\n", (2, ("#" + ADA, "#")), plain=True),
    "blank lines": text(f"\n \nemail,name\n\n{ADA},Ada\n , \n,\n\n{BOB},Bob\n\n", (5, (ADA, "Ada")), (9, (BOB, "Bob"))),
    "rows of blanks": text(f"email,name\n,\n{ADA},Ada\n \t , \n", (3, (ADA, "Ada")), plain=True),
    "ragged": text(
        f"email,name\n{ADA}\n{BOB},Bob\n{CY},Cy,C\n", (3, (BOB, "Bob")), bad=[("lead-row", 2), ("lead-row", 4)]
    ),
    "trailing delimiters": Case(
        lines("email,name,", f"{ADA},Ada,", f"{BOB},Zoë,"),
        [(line, (*cells, "")) for line, cells in USUAL],
        header=("email", "name", ""),
        plain=True,
    ),
    "NULs": text(f"email,name\n{ADA},A\0\n{BOB},Bob\n", (3, (BOB, "Bob")), bad=[("lead-encoding", 2)]),
    "stray quotes": text(
        f'email,name\n{ADA},5" pipe\n{BOB},Bob\n{CY}, "Cy"\n',
        (3, (BOB, "Bob")),
        bad=[("lead-quote", 2), ("lead-quote", 4)],
    ),
    "empty": refused(b"", "lead-header", 1),
    "blank": refused(b"\n\n \r\n", "lead-header", 1),
    "mark only": refused(codecs.BOM_UTF16, "lead-header", 1),
    "header only": Case(b"email,name\n", (), plain=True),
    "header only, not ended": Case(b"email,name", (), plain=True),
    "huge cell": text(f"email,name\n{ADA},{HUGE}\n{BOB},Bob\n", (2, (ADA, HUGE)), (3, (BOB, "Bob")), plain=True),
    "huge cells of wide characters": Case(
        f"email,name,a,b\r{ADA},{'😀' * 131_072},{'😀' * 131_072},{'😀' * 131_072}\r".encode(),
        [(2, (ADA, *("😀" * 131_072,) * 3))],
        header=("email", "name", "a", "b"),
    ),
    "one column": Case(lines("email", ADA, BOB), [(2, (ADA,)), (3, (BOB,))], header=("email",), plain=True),
    "one quoted column": Case(
        lines('"email"', f'"{ADA}"', "", f'"{BOB}"'), [(2, (ADA,)), (4, (BOB,))], header=("email",), plain=True
    ),
    "whitespace of Unicode": text(
        f"email,name\n\u2003{ADA}\xa0,\u3000Ada\u2028\n{BOB}\x85,\x1cB\u2003b\n",
        (2, (ADA, "Ada")), (3, (BOB, "B\u2003b")), plain=True,
    ),
    "lines of Unicode": text(f"email,name\n{ADA},A\u2028d\x0ba\x85!\n", (2, (ADA, "A\u2028d\x0ba\x85!")), plain=True),
    "zero width": text(
        f"email,name\n{ADA},\u200b\n{BOB},Bo\u200db\n{CY},\ufeffCy\n",
        (2, (ADA, "\u200b")), (3, (BOB, "Bo\u200db")), (4, (CY, "\ufeffCy")), plain=True,
    ),
    "right to left": text(
        f"email,name\n{ADA},\u202eשגב\n{BOB},مرحبا\n", (2, (ADA, "\u202eשגב")), (3, (BOB, "مرحبا")), plain=True
    ),
    "emoji": text(
        f"email,name\n{ADA},👩🏽\u200d💻\n{BOB},e\u0301\n", (2, (ADA, "👩🏽\u200d💻")), (3, (BOB, "e\u0301")),
        plain=True,
    ),
    "formulas": text(
        f'email,name\n{ADA},"=HYPERLINK(""x"",""y"")"\n{BOB},+1-2@x\n',
        (2, (ADA, '=HYPERLINK("x","y")')), (3, (BOB, "+1-2@x")),
    ),
    "numbers": text(f"email,name\n{ADA},007\n{BOB},1.50\n", (2, (ADA, "007")), (3, (BOB, "1.50")), plain=True),
    "quote never closed": Case(
        lines("email,name", f"{ADA},Ada", f'{BOB},"Bob'), USUAL[:1], broken=("lead-quote", 3)
    ),
    "gzip": Case(PACKED, name="list.csv.gz", plain=True),
    "gzip of several members": Case(
        gzip.compress(TEXT.encode()[:20]) + gzip.compress(TEXT.encode()[20:]), name="list.csv.gz", plain=True
    ),
    "gzip of UTF-16": Case(gzip.compress(TEXT.encode("utf-16")), name="list.txt.gz"),
    "gzip of Windows-1252": Case(gzip.compress(TEXT.encode("cp1252")), name="list.csv.gz", notes=["lead-encoding"]),
    "gzip cut short": refused(PACKED[:-12], "lead-list-unreadable", None, "list.csv.gz"),
    "gzip damaged": refused(PACKED[:12] + b"\xff\xff" + PACKED[14:], "lead-list-unreadable", None, "list.csv.gz"),
    "gzip of a wrong checksum": refused(PACKED[:-8] + b"\0" * 8, "lead-list-unreadable", None, "list.csv.gz"),
    "no gzip": refused(TEXT.encode(), "lead-list-unreadable", None, "list.csv.gz"),
    "gzip without its ending": refused(PACKED, "lead-encoding", 1),
    "JSON Lines": Case(
        lines(json.dumps({"email": ADA, "name": "Ada"}), "", json.dumps({"name": "Zoë", "email": BOB})),
        [(1, (ADA, "Ada")), (3, (BOB, "Zoë"))],
        name="list.jsonl",
    ),
    "JSON Lines, packed": Case(gzip.compress(lines(GOOD_LINE)), [GOOD_ROW], name="list.ndjson.gz"),
    "JSON Lines as UTF-16": Case(lines(GOOD_LINE).decode().encode("utf-16"), [GOOD_ROW], name="list.jsonl"),
    "JSON columns that come later": Case(
        lines(
            f'{{"email": "{ADA}"}}',
            f'{{" name ": " Bob ", "a": "x,\\"y\\"\\n", "email": "{BOB}"}}',
            '{"a": " "}',
            "{}",
        ),
        [(1, (ADA, "", "")), (2, (BOB, "Bob", 'x,"y"'))],
        header=("email", "name", "a"),
        name="list.jsonl",
    ),
    "JSON numbers and words": Case(
        lines(
            f'{{"email": "{ADA}", "a": 1.0, "b": 12345678901234567890123, "c": true, "d": null}}',
            f'{{"email": "{BOB}", "a": -0, "b": 1E400, "c": false, "d": {"9" * 5000}}}',
        ),
        [(1, (ADA, "1.0", "12345678901234567890123", "true", "")), (2, (BOB, "-0", "1E400", "false", "9" * 5000))],
        header=("email", "a", "b", "c", "d"),
        name="list.jsonl",
    ),
    **{
        f"JSON: {what}": jsonl(line, GOOD_LINE, rows=[(2, (BOB, "Bob"))], bad=[(code, 1)])
        for what, (line, code) in {
            "a name twice": (f'{{"email": "{ADA}", "name": "a", "name": "a"}}', "lead-json"),
            "a name twice but for blanks": (f'{{"email": "{ADA}", "name": "a", " name": "b"}}', "lead-json"),
            "an object inside": (f'{{"email": "{ADA}", "name": {{"first": "Ada"}}}}', "lead-json"),
            "a list inside": (f'{{"email": "{ADA}", "name": []}}', "lead-json"),
            "an array": (f'["{ADA}", "Ada"]', "lead-json"),
            "a list of pairs": (f'[["email", "{ADA}"]]', "lead-json"),
            "a text": (f'"{ADA}"', "lead-json"),
            "null": ("null", "lead-json"),
            "two objects": (GOOD_LINE + GOOD_LINE, "lead-json"),
            "a comma behind": (GOOD_LINE + ",", "lead-json"),
            "no JSON": (f"email: {ADA}", "lead-json"),
            "cut short": (GOOD_LINE[:-4], "lead-json"),
            "NaN": (f'{{"email": "{ADA}", "name": NaN}}', "lead-json"),
            "infinity": (f'{{"email": "{ADA}", "name": -Infinity}}', "lead-json"),
            "a bottomless line": ('{"email":' + "[" * 100_000, "lead-json"),
            "an escaped NUL": (f'{{"email": "{ADA}", "name": "A\\u0000"}}', "lead-encoding"),
            "an escaped surrogate": (f'{{"email": "{ADA}", "name": "\\ud800"}}', "lead-encoding"),
            "a raw control": (f'{{"email": "{ADA}", "name": "A\x01"}}', "lead-json"),
        }.items()
    },
    "JSON with a bad byte": Case(
        f'{{"email": "{ADA}", "name": "'.encode() + b'\x81"}\n' + lines(GOOD_LINE),
        [(2, (BOB, "Bob"))],
        bad=[("lead-encoding", 1)],
        name="list.jsonl",
    ),
    "JSON, empty": refused(b"\n \n", "lead-header", 1, "list.jsonl"),
    "JSON over many lines": Case(
        lines("[", "{", f'"email": "{ADA}"', "}", "]"),
        (),
        broken=("lead-header", 1),
        header=(),
        name="list.jsonl",
    ),
    "JSON of addresses as names": refused(f'{{"{ADA}": "Ada"}}\n'.encode(), "lead-header", 1, "list.jsonl"),
    "JSON of too many names": refused(
        lines(GOOD_LINE, json.dumps({f"c{number}": "x" for number in range(999)})), "lead-header", 2, "list.jsonl"
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> LeadLists:
    return make_source(tmp_path_factory.getbasetemp())


@pytest.fixture(params=CASES.values(), ids=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def put(folder: Path, case: Case) -> Path:
    path = folder / case.name
    path.write_bytes(case.content)
    return path


def test_the_strict_reader_tells_what_a_list_holds(tmp_path: Path, case: Case) -> None:
    """Line, cells and problems; a plain list too, though DuckDB reads it."""
    told, rows = mended(put(tmp_path, case))
    if case.broken and told.broken:
        assert (told.broken.code, told.broken.line) == case.broken
    else:
        assert told.broken is case.broken
    assert [(problem.code, problem.line) for problem in told.bad] == list(case.bad)
    assert [note.code for note in told.notes] == list(case.notes)
    assert told.header == case.header
    assert rows == [(line, tuple(cells)) for line, cells in case.rows]


def test_the_product_tells_what_a_list_holds(
    tmp_path: Path, source: LeadLists, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The people, with line and fields, whether DuckDB reads the file or its copy; and the same problems."""
    path = put(tmp_path, case)
    copies = []
    whole = reading.mend
    monkeypatch.setattr(reading, "mend", lambda *paths: copies.append(paths) or whole(*paths))
    campaign = make_campaign(path, skip_invalid=True)
    roster = source.roster(campaign, None)
    assert bool(copies) is not case.plain
    assert roster.at_hand is (case.broken is None)
    told = {(item.code, item.line) for item in roster.diagnostics}
    expected = {*case.bad, *([case.broken] if case.broken else []), *((code, None) for code in case.notes)}
    assert told - {("lead-columns-unsent", 1)} == expected
    if case.broken:
        return
    people = [person(case.header, *row) for row in case.rows]
    found = [lead for _, leads in source.batches(campaign, None) for lead in leads]
    assert [(lead.email, dict(lead.fields), lead.line) for lead in found] == people
    assert (roster.leads, roster.rows) == (len(people), len(case.rows) + len(case.bad))


def person(header: Sequence[str], line: int, cells: Sequence[str]) -> tuple[str, dict[str, str], int]:
    row = dict(zip(header, cells, strict=True))
    address = row.pop("email")
    fields = {name: value for name, value in row.items() if name and is_visible(value)}
    return address, fields, line


def test_a_note_tells_what_to_look_at(tmp_path: Path) -> None:
    told, _ = mended(put(tmp_path, CASES["Windows-1252"]))
    assert "Windows-1252" in told.notes[0].message
    assert "Windows-1250" in told.notes[0].hint
    assert told.notes[0].line is None


@pytest.mark.parametrize("chunk", [1, 2, 3, 5])
def test_encodings_are_told_however_the_bytes_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(textfile, "_CHUNK", chunk)
    monkeypatch.setattr(textfile, "_SAMPLE", 8)
    for what, case in CASES.items():
        if "Windows-1252" in what or "UTF-8" in what:
            told, _ = mended(put(tmp_path, case))
            assert ([note.code for note in told.notes], told.rejected) == (list(case.notes), len(case.bad)), what


@pytest.mark.parametrize("name", ["list.jsonl", "list", "list.xlsx", "list.csv.zip"])
def test_only_csv_is_left_to_duckdb(tmp_path: Path, name: str) -> None:
    assert sniff(put(tmp_path, Case(TEXT.encode(), name=name))) is None
    assert sniff(tmp_path) is None


_CELL = st.text(
    st.sampled_from("ab,;|\t\"'\n\r\\ é😀\u200b\u2003=#") | st.characters(codec="utf-8"), max_size=8
).filter(lambda cell: "\0" not in cell)
_NAMES = ("email", "b", "c")


_DIALECT = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t|"),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
        "lineterminator": st.sampled_from(["\n", "\r\n", "\r"]),
    }
)


@examples(150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(_CELL, _CELL), max_size=6),
    dialect=_DIALECT,
    unended=st.sampled_from([0, 1]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    ending=st.sampled_from(["", ".gz"]),
)
def test_what_a_writer_wrote_comes_out_of_the_product(
    tmp_path: Path, rows: list[tuple[str, str]], dialect: dict[str, Any], unended: int, encoding: str, ending: str
) -> None:
    if dialect["quoting"] == csv.QUOTE_MINIMAL:  # before Python 3.13 it quotes only those ends of lines that it writes
        assume(not any(char in cell for row in rows for cell in row for char in "\r\n"))
    out = io.StringIO()
    writer = csv.writer(out, **dialect)
    writer.writerow(_NAMES)
    people = []
    for number, row in enumerate(rows):
        address = f"p{number}@example.com"
        before = len(list(io.StringIO(out.getvalue(), newline="")))
        writer.writerow((address, *row))
        fields = {name: cell.strip() for name, cell in zip(_NAMES[1:], row, strict=True) if is_visible(cell)}
        people.append((address, fields, before + 1))
    written = out.getvalue()
    content = written[: len(written) - unended * len(dialect["lineterminator"])].encode(encoding)
    path = tmp_path / f"list.csv{ending}"
    path.write_bytes(gzip.compress(content) if ending else content)
    source, campaign = make_source(tmp_path), make_campaign(path)
    found = [lead for _, leads in source.batches(campaign, None) for lead in leads]
    assert [(lead.email, dict(lead.fields), lead.line) for lead in found] == people
