import pytest
import yaml

from reconciler.loading import scalars, yamlmarks
from reconciler.loading.yamlmarks import parse

LOADERS = [yaml.CSafeLoader, yaml.SafeLoader]
FILE = "specs/campaigns/a.yaml"


@pytest.fixture(params=LOADERS, ids=["libyaml", "python"], autouse=True)
def _each_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything holds with libyaml and without."""
    monkeypatch.setattr(yamlmarks, "_LOADER", request.param)


BAD = {
    "not YAML": ("key: [a", "yaml-syntax", 1, 6, "Close it"),
    "unclosed quote": ('key: a\nname: "abc\nowner: x\n', "yaml-syntax", 2, 7, "Close it"),
    "a text that begins with @": ("owner: @revops", "yaml-syntax", 1, 8, "Quote the text"),
    "a colon in a text": ("subject: Quick: one", "yaml-syntax", 1, 15, "must be in quotes"),
    "a tab as indentation": ("labels:\n\tteam: emea", "yaml-tab", 2, 1, "spaces only"),
    "a control character": ("key: a\nname: x\x07y", "yaml-syntax", 2, 8, "Remove it"),
    "an anchor": ("labels: &l {a: b}", "yaml-alias", 1, 9, "defaults"),
    "an alias": ("labels: *l", "yaml-alias", 1, 9, "Write the value out"),
    "an alias as key": ("*l : b", "yaml-alias", 1, 1, "Write the value out"),
    "a merge key": ("labels:\n  <<: {a: b}", "yaml-merge", 2, 3, "defaults"),
    "a python tag": ("name: !!python/object:os.system ls", "yaml-tag", 1, 7, "plain data"),
    "a tag on a mapping": ("labels: !!set {a}", "yaml-tag", 1, 9, "plain data"),
    "a number that its tag belies": ("name: !!int abc", "yaml-value", 1, 7, "quotes"),
    "a number without end": (f"name: {'9' * 65}", "yaml-value", 1, 7, "quotes"),
    "a number as key": ("labels:\n  1: x", "yaml-key", 2, 3, '"1"'),
    "a boolean as key": ("true: x", "yaml-key", 1, 1, '"true"'),
    "a list as key": ("[a, b]: c", "yaml-key", 1, 1, None),
    "the same key twice": ("key: a\nname: b\nkey: c", "duplicate-key", 3, 1, "Remove"),
    "the same key twice, deeper": ("start:\n  minimumLeads: 1\n  minimumLeads: 2", "duplicate-key", 3, 3, "Remove"),
    "two documents": ("key: a\n---\nkey: b", "yaml-documents", 2, 1, "file of its own"),
    "a token without quotes": ("subject: {{firstName}}", "unquoted", 1, 10, '"{{firstName}}"'),
    "a token without quotes and more": ("subject: {{firstName}}, hi", "unquoted", 1, 10, '"{{firstName}}, hi"'),
    "an expression without quotes": ("subject: [[ sender ]], hi", "unquoted", 1, 10, '"[[ sender ]], hi"'),
    "a subject cut off": ("subject: Is #1 you?", "cut-off", 1, 13, '"Is #1 you?"'),
    "a subject cut off at once": ("subject: #1 in sales", "cut-off", 1, 10, '"#1 in sales"'),
    "a name cut off": ("key: a\nname: Sales  # the big one", "cut-off", 2, 14, '"Sales  # the big one"'),
    "a body cut off": ("sequenceSteps:\n- bodyHtml: <a> #x", "cut-off", 2, 17, '"<a> #x"'),
    "nested lists": ("[" * 100_000, "yaml-depth", 1, 65, None),
    "nested mappings": ("{a: " * 100_000, "yaml-depth", 1, 257, None),
    "nested blocks": ("- " * 100_000, "yaml-depth", 1, 129, None),
    "too many values": ("a: [" + "x," * 60_000 + "]", "yaml-size", 1, 99_999, "one campaign"),
}


@pytest.mark.parametrize(("text", "code", "line", "column", "hint"), BAD.values(), ids=BAD)
def test_bad_yaml_is_told_with_its_place(text: str, code: str, line: int, column: int, hint: str | None) -> None:
    _, problems = parse(text, FILE)
    found = problems[0]
    assert (found.code, found.file, found.line, found.column) == (code, FILE, line, column), found
    assert (hint is None) == (found.hint is None), found
    assert (hint or "") in (found.hint or "")


def test_all_of_a_files_problems_are_told() -> None:
    _, problems = parse("key: a\nkey: b\n1: x\nname: A #1\nlabels: *x\nsubject: {{a}}\nowner: @b\n", FILE)
    assert [(item.code, item.line) for item in problems] == [
        ("duplicate-key", 2),
        ("yaml-key", 3),
        ("cut-off", 4),
        ("yaml-alias", 5),
        ("unquoted", 6),
        ("yaml-syntax", 7),
    ]


def test_a_file_of_nothing_but_problems_is_given_up() -> None:
    _, problems = parse("a: 1\n" * 5000, FILE)
    assert len(problems) == yamlmarks.MAX_PROBLEMS


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("True", "True"),
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("~", None),
        ("null", None),
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("0x1f", "0x1f"),
        ("0o17", "0o17"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        (".5", ".5"),
        ("1e3", "1e3"),
        ("1.0e+3", 1000.0),
        ("1.0e+999", "1.0e+999"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("16:00", "16:00"),
        ("1:30:00", "1:30:00"),
        ("2026-12-01", "2026-12-01"),
        ("2026-12-01T09:00", "2026-12-01T09:00"),
        ("=", "="),
        ("-", "-"),
    ],
)
def test_unquoted_texts_mean_what_they_seem_to(text: str, value: scalars.Scalar) -> None:
    assert scalars.resolve(text) == value
    assert type(scalars.resolve(text)) is type(value)


def test_core_tags_hold() -> None:
    document, problems = parse("{a: !!str 1, b: !!int 2, c: !!float 3, d: !!bool true, e: !!map {}, f: ! 5}", FILE)
    assert not problems
    assert document is not None
    assert document.data == {"a": "1", "b": 2, "c": 3, "d": True, "e": {}, "f": "5"}


def test_a_quoted_number_is_a_text_and_a_comment_elsewhere_is_fine() -> None:
    document, problems = parse('a: "1"  # one\nname: "A #1"  # a comment\nkey: b # c\nlabels: {name: a} # d\n', FILE)
    assert not problems
    assert document is not None
    assert document.data == {"a": "1", "name": "A #1", "key": "b", "labels": {"name": "a"}}


def test_half_a_character_does_not_get_through() -> None:
    _, problems = parse('name: "\\ud800"', FILE)
    assert {item.code for item in problems} <= {"yaml-value", "yaml-syntax"}
    assert len(problems) == 1
