"""Every kind of broken file that people write in one repository, so that one run has to tell them all."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

STEP = "sequenceSteps:\n  - subject: Hello\n    bodyText: Hi.\n"


@dataclass(frozen=True)
class Bad:
    """One broken file: what it is called, what is in it, and where and how the complaint must read."""

    name: str
    text: str | bytes
    line: int | None
    column: int | None
    words: str

    @property
    def path(self) -> str:
        return f"specs/campaigns/{self.name}.yaml"


def campaign(key: str, rest: str = STEP, name: str = "Some name") -> str:
    return f"key: {key}\nname: {name}\n{rest}"


def with_subject(key: str, subject: str) -> str:
    return campaign(key, f"sequenceSteps:\n  - subject: {subject}\n    bodyText: Hi.\n")


def with_body(key: str, template: str, field: str = "bodyHtml") -> str:
    return campaign(key, f"sequenceSteps:\n  - subject: Hello\n    {field}: {template!r}\n")


NO_SUCH_FIELD = campaign(
    "no-such-field",
    'sequenceSteps:\n  - subject: "Hello {{shoeSize}}"\n    bodyText: Hi.\nleads:\n  source: leads:fine.csv\n',
)


def with_list(key: str) -> str:
    step = 'sequenceSteps:\n  - subject: "Hello {{firstName}}"\n    bodyText: Hi.\n'
    return campaign(key, f"{step}leads:\n  source: leads:{key}.csv\n")


FILES = (
    Bad("not-yaml", "key: [never closed\nname: x\n", 2, 5, "not valid YAML"),
    Bad("not-a-mapping", "- one\n- two\n", 1, 1, "mapping"),
    Bad("empty", "", 1, 1, "empty"),
    Bad("tabs", "key: tabs\nname: x\nsequenceSteps:\n\t- subject: x\n", 4, 1, "tab"),
    Bad("large", "# " + "x" * 5_000_000 + "\n" + campaign("large"), None, None, "larger than"),
    Bad("aliases", "key: aliases\nname: &again x\nowner: *again\n" + STEP, 3, 8, "Aliases"),
    Bad("nested", "key: nested\nname: x\nx-deep: " + "[" * 100_000 + "]" * 100_000 + "\n" + STEP, 3, 72, "64"),
    Bad("python-object", campaign("python-object", STEP, "!!python/object/apply:os.system [id]"), 2, 7, "!!python"),
    Bad("unknown-key", campaign("unknown-key", STEP + "colour: red\n"), 6, 1, "colour"),
    Bad("duplicate-key", campaign("duplicate-key", STEP + "name: other\n"), 6, 1, "twice"),
    Bad("misspelt-key", campaign("misspelt-key", STEP + "stauts: draft\n"), 6, 1, "stauts"),
    Bad("wrong-type", campaign("wrong-type", STEP + "protect: 3\n"), 6, 10, "true"),
    Bad("cut-subject", with_subject("cut-subject", "Is #1 you?"), 4, 17, "quotes"),
    Bad("negative-wait", campaign("negative-wait", STEP + "    delayDays: -1\n"), 6, 16, "0"),
    Bad("huge-wait", campaign("huge-wait", STEP + "    delayDays: 99999999999999999999\n"), 6, 16, "365"),
    Bad("no-steps", campaign("no-steps", "status: running\nsequenceSteps: []\n"), 3, 9, "step"),
    Bad("twin-two", campaign("twin"), 1, 6, "twin"),
    Bad("megabytes", with_body("megabytes", "[[ 'x' * 300000000 ]]"), 5, 15, "memory"),
    Bad("underscored", with_body("underscored", "[[ ''.__class__.__mro__ ]]"), 5, 15, "unsafe"),
    Bad("leaves", with_body("leaves", "../../../outside.j2", "bodyTemplate"), 5, 19, "leaves the repository"),
    Bad("includes", with_body("includes", "[[% include '../../../outside.j2' %]]"), 5, 15, "leaves the repository"),
    Bad("unquoted-token", with_subject("unquoted-token", "{{firstName}}"), 4, 14, "quot"),
    Bad("not-text", b"key: not-text\nname: \xff\xfe\n", 2, 7, "UTF-8"),
)  # fmt: skip

LOOPS = "[[% for a in range(99999) %]][[% for b in range(99999) %]][[% endfor %]][[% endfor %]]"
HANGING = (
    Bad("endless", with_body("endless", LOOPS), 5, 15, "2 seconds"),
    Bad("power", with_body("power", "[[ 9 ** (9 ** 9) ]]"), 5, 15, "2 seconds"),
)  # fmt: skip
"""These take their two seconds each."""

LISTS: tuple[tuple[str, bytes, int | None, str], ...] = (
    ("no-address", b"firstName\nAda\n", None, "email"),
    ("bad-address", b"email,firstName\nada@example.com,Ada\nnot an address,Bob\n", 3, "address"),
    ("stray-quote", b'email,firstName\nada@example.com,"Ada\nbob@example.com,Bob\n', 2, "quote"),
    ("not-utf-8", b"email,firstName\nada@example.com,Zo\xc3\xab\nbob@example.com,Zo\xeb\n", 3, "UTF-8"),
)


def write_files(root: Path, files: Sequence[Bad] = FILES) -> None:
    """Write broken campaign files, and what some of them reach for outside the repository."""
    for item in files:
        content = item.text if isinstance(item.text, bytes) else item.text.encode()
        (root / item.path).write_bytes(content)
    (root / "specs" / "campaigns" / "first-twin.yaml").write_text(campaign("twin"))
    (root.parent / "outside.j2").write_text("PRIVATE WORDS")


def write_lists(root: Path) -> None:
    """Write valid campaign files with broken lists, beside good ones: a mark and one person twice; Latin-1."""
    for key, content, _, _ in LISTS:
        (root / "specs" / "campaigns" / f"{key}.yaml").write_text(with_list(key))
        (root / "lists" / f"{key}.csv").write_bytes(content)
    (root / "specs" / "campaigns" / "fine.yaml").write_text(with_list("fine"))
    (root / "specs" / "campaigns" / "latin-1.yaml").write_text(with_list("latin-1"))
    (root / "lists" / "latin-1.csv").write_bytes(b"email,firstName\nada@example.com,Zo\xeb\n")
    (root / "specs" / "campaigns" / "no-such-field.yaml").write_text(NO_SUCH_FIELD)
    (root / "lists" / "fine.csv").write_bytes(
        b"\xef\xbb\xbfemail,firstName\nada@example.com,Ada\nADA@example.com,Ada\n"
    )
