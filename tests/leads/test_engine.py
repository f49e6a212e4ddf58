"""The database of lists: bounded, private, and gone when it is no longer needed."""

import gc
import os
import tempfile
import threading
from pathlib import Path

import duckdb
import pytest

from reconciler.diagnostics import ReconcilerError
from reconciler.leads import engine as module
from reconciler.leads.engine import Engine, literal


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def folders(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("reconciler-lists-*"))


def test_its_folder_is_for_its_owner_alone_and_goes_with_it(tmp_path: Path) -> None:
    engine = Engine({})
    engine.rows("SELECT 1")
    assert engine.folder.stat().st_mode & 0o777 == 0o700
    assert folders(tmp_path) == [engine.folder.name]
    del engine
    gc.collect()
    assert folders(tmp_path) == []


def test_what_a_killed_run_left_is_removed_a_day_later(tmp_path: Path) -> None:
    for name, age in (("reconciler-lists-old", 90_000), ("reconciler-lists-young", 80_000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mended.csv").write_text("x")
        os.utime(tmp_path / name, (module.time.time() - age,) * 2)
    made = Engine({}).folder.name
    assert set(folders(tmp_path)) - {made} == {"reconciler-lists-young"}


def test_what_does_not_fit_into_memory_spills_into_its_folder() -> None:
    engine = Engine({})
    engine.rows(
        "CREATE TABLE big AS SELECT range AS n, 'ada@example.com' || md5(range::VARCHAR) AS t FROM range(9000000)"
    )
    spilled = sum(path.stat().st_size for path in engine.folder.rglob("*") if path.is_file())
    assert spilled > 10_000_000
    assert engine.rows("SELECT count(DISTINCT t) FROM big") == [(9_000_000,)]


def test_it_ends_in_words_where_memory_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MEMORY_MB", 20)
    with pytest.raises(ReconcilerError) as caught:
        Engine({}).rows("SELECT string_agg(repeat('a', 1000000), '') FROM range(100)")
    (told,) = caught.value.diagnostics
    assert (told.code, "not enough memory" in told.message) == ("lead-engine", True)


def test_its_settings_cannot_be_changed() -> None:
    engine = Engine({})
    for name in ("memory_limit", "autoload_known_extensions"):
        with pytest.raises(duckdb.Error, match="locked"):
            engine.rows(f"SET {name} = '1'")


def test_each_thread_may_ask_it(tmp_path: Path) -> None:
    engine = Engine({"address_of": str.upper})
    engine.rows("CREATE TABLE t AS SELECT 'a' AS x")
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(engine.rows("SELECT address_of(x) FROM t"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[("A",)]] * 8


@pytest.mark.parametrize(
    "value", ["it's", 'say "x"', "\\x00", "line\nbreak", "'; DROP TABLE t; --", "{{x}}", "\x1f", ""]
)
def test_a_text_is_written_as_it_is(value: str) -> None:
    assert Engine({}).rows(f"SELECT {literal(value)}, {literal(value.encode())}, {literal([value])}") == [
        (value, value.encode(), [value])
    ]
