"""Lists that are not UTF-8: a name is read as it was written, or nobody of the list is sent."""

import csv
from pathlib import Path

import pytest
from leads.makers import make_campaign, make_source

from reconciler.diagnostics import Severity
from reconciler.leads.mending import mend

WESTERN = [
    "Müller",
    "Zoë",
    "Peña",
    "François",
    "Bjørn",
    "Åse",
    "Þór",
    "Guðrún",
    "Œuvre",
    "Žižek",
    "Škoda",
    "Ÿ",
    "FRANÇOIS",
    "OÜ",
    "L\u2019Œuvre",
    "O\u2019Brien",
    "d\u2018Or",
    "Jean\u2013Luc",
    "1990\u20131995",
    "„Zitat“",
    "«mot»",
    "¿Qué?",
    "£5",
    "5 €",
    "© 2026",
    "§ 5",
    "Mañana…",
]
"""Names and words as people write them; each can be written in Windows-1252."""

OTHERS = {
    "cp1250": ["Łukasz", "Paweł", "Żaneta", "Ľuboš", "Wałęsa"],
    "iso8859-2": ["Łukasz", "Škoda", "Żaneta", "Paweł"],
    "iso8859-15": ["Œuvre", "Škoda"],
    "mac_roman": ["Müller", "Zoë", "Peña", "José", "François", "Bäcker"],
    "cp437": ["Müller", "José", "Bäcker", "García"],
    "cp1251": ["Иван", "Ольга"],
    "koi8-r": ["Иван", "Ольга"],
    "cp1253": ["Νίκος"],
    "shift_jis": ["田中", "スズキ"],
    "gbk": ["王伟"],
    "euc-kr": ["김철수"],
    "big5": ["陳大文"],
}


def put(folder: Path, names: list[str], encoding: str) -> Path:
    path = folder / "list.csv"
    rows = "".join(f"ada{number}@example.com,{name},x\n" for number, name in enumerate(names))
    path.write_bytes(f"email,firstName,n\n{rows}".encode(encoding))
    return path


@pytest.mark.parametrize("name", WESTERN)
def test_western_european_text_is_read_and_told(tmp_path: Path, name: str) -> None:
    told = mend(put(tmp_path, [name, "Zoë"], "cp1252"), tmp_path / "copy.csv")
    with (tmp_path / "copy.csv").open(newline="", encoding="utf-8") as stream:
        assert [row[2] for row in csv.reader(stream)] == [name, "Zoë"]
    assert [note.code for note in told.notes] == ["lead-encoding"]


@pytest.mark.parametrize(("encoding", "name"), [(key, name) for key, names in OTHERS.items() for name in names])
def test_what_is_certainly_something_else_is_refused(tmp_path: Path, encoding: str, name: str) -> None:
    """A short list is all there is to go by: one name must do."""
    path = put(tmp_path, [name], encoding)
    roster = make_source(tmp_path).roster(make_campaign(path), None)
    (told,) = [item for item in roster.diagnostics if item.severity is Severity.ERROR]
    assert (told.code, told.place) == ("lead-encoding", "list.csv:2")
    assert "UTF-8" in (told.hint or "")


@pytest.mark.parametrize("name", [name for names in OTHERS.values() for name in names] + WESTERN)
def test_utf_8_is_never_taken_for_anything_else(tmp_path: Path, name: str) -> None:
    told = mend(put(tmp_path, [name], "utf-8"), tmp_path / "copy.csv")
    with (tmp_path / "copy.csv").open(newline="", encoding="utf-8") as stream:
        assert [row[2] for row in csv.reader(stream)] == [name]
    assert told.notes == ()
