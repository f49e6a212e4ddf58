from pathlib import Path

import pytest
from loading.repository import Repository


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    (tmp_path / ".git").mkdir()
    (tmp_path / "specs" / "campaigns").mkdir(parents=True)
    return Repository(tmp_path)
