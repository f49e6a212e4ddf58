import subprocess
import sys
from pathlib import Path

HEAVY = ("httpx", "rich", "deepdiff", "jinja2", "duckdb", "email_validator", "flask")


def test_loading_needs_no_heavy_library(tmp_path: Path) -> None:
    """Not even where templates are rendered: that is the worker's."""
    (tmp_path / "specs" / "campaigns").mkdir(parents=True)
    (tmp_path / "specs" / "campaigns" / "a.yaml").write_text(
        "key: a\nname: A\nvariables: {x: y}\nsequenceSteps: [{subject: '[[ x ]]', bodyText: z}]\n"
    )
    code = (
        "import sys, pathlib; from reconciler.loading.loader import load;"
        "assert load(pathlib.Path(sys.argv[1]), version='0.1.0').desired;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "specs")]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_plain_texts_need_no_worker(tmp_path: Path) -> None:
    (tmp_path / "specs" / "campaigns").mkdir(parents=True)
    (tmp_path / "specs" / "campaigns" / "a.yaml").write_text(
        "key: a\nname: A\nsequenceSteps: [{subject: x, bodyText: '{{firstName}}'}]\n"
    )
    code = (
        "import sys, pathlib, subprocess; from reconciler.loading.loader import load;"
        "subprocess.Popen = None; assert load(pathlib.Path(sys.argv[1]), version='0.1.0').desired"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "specs")], check=True)
