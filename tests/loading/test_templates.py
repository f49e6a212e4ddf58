import io
import json
from pathlib import Path

import pytest
from loading.repository import FILE, HEAD, Repository, inline

from reconciler.loading.renderer import Renderer, serve


def with_template(repo: Repository, path: str) -> None:
    repo.campaign(f"{HEAD}sequenceSteps:\n  - subject: S\n    bodyTemplate: {json.dumps(path)}\n")


def body(repo: Repository) -> str:
    return repo.only().steps[0].body_html


def test_variables_are_escaped_in_bodies_and_not_in_subjects(repo: Repository) -> None:
    repo.campaign(HEAD + "sequenceSteps:\n  - subject: '[[ firm ]]'\n    bodyHtml: '<p>[[ firm ]]</p>'\n")
    step = repo.only().steps[0]
    assert (step.subject, step.body_html) == ("Smith & Co", "<p>Smith &amp; Co</p>")


def test_plain_bodies_are_escaped_once(repo: Repository) -> None:
    inline(repo, "[[ firm ]] <x>\n[[% if firm %]]yes[[% endif %]][[# a remark #]]", "bodyText")
    assert body(repo) == "<p>Smith &amp; Co &lt;x&gt;<br>\nyes</p>"


def test_tokens_pass_through_and_do_not_count_as_templates(repo: Repository) -> None:
    inline(repo, "<p>{{firstName}} {% x %} {# y #} [[ sender ]]</p>")
    assert body(repo) == "<p>{{firstName}} {% x %} {# y #} Jamie</p>"


def test_includes_come_from_the_templates_folder_then_from_the_shared_one(repo: Repository) -> None:
    repo.write(
        "specs/templates/sales/intro.j2",
        "[[% extends 'base.j2' %]][[% block b %]][[% include 'near.j2' %]][[% endblock %]]",
    )
    repo.write(
        "specs/templates/base.j2",
        "[[% import 'macros.j2' as m %]]<b>[[% block b %]][[% endblock %]][[ m.hi(sender) ]]</b>",
    )
    repo.write("specs/templates/macros.j2", "[[% macro hi(x) %]](hi [[ x ]])[[% endmacro %]]")
    repo.write("specs/templates/sales/near.j2", "near")
    repo.write("specs/templates/near.j2", "far")
    with_template(repo, "../templates/sales/intro.j2")
    assert body(repo) == "<b>near(hi Jamie)</b>"


def test_includes_of_inline_texts_come_from_the_campaigns_folder_then_from_the_shared_one(repo: Repository) -> None:
    repo.write("specs/campaigns/sig.j2", "own [[ sender ]]")
    repo.write("specs/templates/sig.j2", "shared")
    repo.write("specs/templates/foot.j2", "foot")
    inline(repo, "[[% include 'sig.j2' %]] [[% include 'foot.j2' %]]")
    assert body(repo) == "own Jamie foot"


def test_a_missing_include_may_be_left_out_on_purpose(repo: Repository) -> None:
    inline(repo, "x[[% include 'nowhere.j2' ignore missing %]]")
    assert body(repo) == "x"


@pytest.mark.parametrize(
    "path",
    [
        "../../../../outside.j2",
        "/etc/passwd",
        "../../.git/config",
        "../../.GIT/config",
        "../../.reconciler/x",
        "../../.env",
        "../.secrets/t.j2",
        "../../hidden.j2",
        "../../link.j2",
    ],
)
def test_no_template_leads_out_of_the_repository(repo: Repository, path: str) -> None:
    secret = repo.root.parent / "outside.j2"
    secret.write_text("secret")
    (repo.root / "link.j2").symlink_to(secret)
    (repo.root / "hidden.j2").symlink_to(".env")
    repo.write(".env", "secret")
    repo.write("specs/.secrets/t.j2", "secret")
    repo.write(".git/config", "secret")
    repo.write(".reconciler/x", "secret")
    with_template(repo, path)
    found = repo.problem()
    assert (found.code, found.file, found.line, found.column) == ("template-outside", FILE, 6, 19)

    inline(repo, f"a\n[[% include {path!r} %]]")
    found = repo.problem()
    assert (found.code, found.file, found.line) == ("template-outside", FILE, 6)
    assert "inside the repository" in (found.hint or "")

    repo.write("specs/templates/t.j2", f"a\nb\n[[% include {path!r} ignore missing %]]")
    with_template(repo, "../templates/t.j2")
    found = repo.problem()
    assert (found.code, found.file, found.line) == ("template-outside", "specs/templates/t.j2", 3)


def test_a_link_inside_the_repository_may_be_used(repo: Repository) -> None:
    repo.write("shared/t.j2", "here")
    (repo.root / "specs" / "t.j2").symlink_to("../shared/t.j2")
    with_template(repo, "../t.j2")
    assert body(repo) == "here"


FORBIDDEN = [
    ("a\n[[ sendr ]]", "template-undefined", 2, "no variable `sendr`", "`sender`"),
    ("a\nb[[ firstName ]]", "template-undefined", 2, "`firstName`", "is a lead's field: write `{{firstName}}`"),
    ("[[ first_name ]]", "template-undefined", 1, "`first_name`", "`{{firstName}}`"),
    ("[[ zzz ]]", "template-undefined", 1, "`zzz`", f"under `variables` in {FILE}"),
    ("[[ sender.zzz ]]", "template-undefined", 1, "no attribute 'zzz'", ""),
    ("a\n\n[[ sender ", "template-syntax", 3, "cannot be rendered", ""),
    ("a\n[[% if sender %]]", "template-syntax", 2, "cannot be rendered", ""),
    ("a\n[[% nonsense %]]", "template-syntax", 2, "nonsense", "[[% if"),
    ("a\n[[ sender | nofilter ]]", "template-syntax", 2, "nofilter", ""),
    ("[[ ''.__class__.__mro__ ]]", "template-refused", 1, "__class__", "variables of the campaign"),
    ("[[ sender.__init__.__globals__ ]]", "template-refused", 1, "__init__", ""),
    ("[[ self._TemplateReference__context ]]", "template-refused", 1, "unsafe", ""),
    ("[[ sender|attr('__class__') ]]", "template-refused", 1, "__class__", ""),
    ("[[ '{0.__class__}'.format(sender) ]]", "template-refused", 1, "__class__", ""),
    ("[[% include 'nowhere.j2' %]]", "template-missing", 1, "nowhere.j2`", "beside the template"),
    ("a\n[[ 1 // 0 ]]", "template-error", 2, "ZeroDivisionError", ""),
    ("[[ [1, 2] ]]", "template-error", 1, "not list", ""),
    ("[[ none ]]", "template-error", 1, "not NoneType", ""),
    ("[[ range ]]", "template-error", 1, "not range", ""),
    ("[[ lipsum() ]]", "template-undefined", 1, "`lipsum`", ""),
    ("[[ [1, 2]|random ]]", "template-syntax", 1, "random", ""),
    ("[[ range(200000)|list|length ]]", "template-error", 1, "OverflowError", ""),
    ("x\n[[% include 't.j2' %]]", "template-depth", None, "include each other", "includes itself"),
    ("[[ '" + "(" * 10 + "' ]][[ " + "(" * 5000 + " ]]", "template-depth", None, "too deep", ""),
    ("[[ 'x' * 300_000_000 ]]", "template-too-large", None, "", "1 MB"),
    ("[[% for a in range(99999) %]][[ 'x' * 100 ]][[% endfor %]]", "template-too-large", None, "than 1 MB", ""),
    (
        "[[% set n = namespace(a='x') %]][[% for i in range(99) %]][[% set n.a = n.a ~ n.a %]][[% endfor %]]",
        "template-too-large",
        None,
        "memory",
        "",
    ),
]


@pytest.mark.parametrize(("template", "code", "line", "message", "hint"), FORBIDDEN)
def test_what_a_template_must_not_do(
    repo: Repository, template: str, code: str, line: int | None, message: str, hint: str
) -> None:
    repo.write("specs/templates/t.j2", template)
    with_template(repo, "../templates/t.j2")
    found = repo.problem()
    assert (found.code, found.campaign) == (code, "a"), found
    if line is not None:
        assert (found.file, found.line) == ("specs/templates/t.j2", line)
    assert message in found.message
    assert hint in (found.hint or "")


@pytest.mark.parametrize(
    ("template", "code", "line"),
    [row[:3] for row in FORBIDDEN if row[1] not in {"template-too-large", "template-depth"}],
)
def test_the_worker_answers_with_code_file_and_line(tmp_path: Path, template: str, code: str, line: int) -> None:
    """The worker's own class, in this process, for a template and for a text of the job's own."""
    (tmp_path / "t.j2").write_text(template)
    renderer = Renderer(str(tmp_path), ".")
    job = {"html": True, "variables": {"sender": "Jamie"}}
    (found,) = renderer.answer({**job, "template": "t.j2"})["problems"]
    assert (found["code"], found["file"], found["line"]) == (code, "t.j2", line)
    (found,) = renderer.answer({**job, "text": template, "folder": "."})["problems"]
    assert (found["code"], found["file"], found["line"]) == (code, None, line)


def test_the_worker_serves_line_by_line(tmp_path: Path) -> None:
    job = {"text": "[[ x ]]", "folder": ".", "html": True, "variables": {"x": "<"}}
    answers = io.BytesIO()
    serve([str(tmp_path), "."], io.BytesIO(json.dumps([job, job]).encode() + b"\n"), answers)
    ready, *results = answers.getvalue().split(b"\n")
    assert ready == b""
    assert [json.loads(line) for line in results if line] == [{"text": "&lt;", "sources": {}}] * 2


def test_a_problem_in_an_include_is_told_where_it_stands(repo: Repository) -> None:
    repo.write("specs/templates/t.j2", "[[% include 'deep.j2' %]]")
    repo.write("specs/templates/deep.j2", "a\nb\n[[ nope ]]")
    with_template(repo, "../templates/t.j2")
    assert repo.problem().place == "specs/templates/deep.j2:3"


def test_a_problem_in_a_block_of_text_is_told_with_its_line(repo: Repository) -> None:
    repo.campaign(f"{HEAD}sequenceSteps:\n  - subject: S\n    bodyText: |\n      one\n\n      [[ nope ]]\n")
    assert repo.problem().place == f"{FILE}:9"


def test_all_undefined_variables_are_told_in_one_run(repo: Repository) -> None:
    inline(repo, "[[ one ]] [[ two ]] [[ sender ]] [[ three ]]")
    assert [item.message for item in repo.problems()] == [
        "There is no variable `one`.",
        "There is no variable `three`.",
        "There is no variable `two`.",
    ]


@pytest.mark.parametrize(("many", "hint"), [(199, "Did you mean `sender`?"), (200, f"under `variables` in {FILE}")])
def test_the_variable_that_was_meant_is_looked_for_among_few(repo: Repository, many: int, hint: str) -> None:
    names = "".join(f", v{number}: 1" for number in range(many))
    step = "{subject: S, bodyHtml: '[[ sendr ]]'}"
    repo.campaign(f"key: a\nname: A\nvariables: {{sender: J{names}}}\nsequenceSteps: [{step}]\n")
    assert hint in (repo.problem().hint or "")


def test_a_long_name_is_compared_with_none(repo: Repository) -> None:
    name = "sender" * 20
    repo.campaign(
        f"key: a\nname: A\nvariables: {{{name}: J}}\nsequenceSteps:\n  - {{subject: S, bodyHtml: '[[ {name}s ]]'}}\n"
    )
    assert "under `variables`" in (repo.problem().hint or "")


def test_variables_are_bounded(repo: Repository) -> None:
    names = [f"v{number}: 1" for number in range(1000)]
    text = "key: a\nname: A\nsequenceSteps: []\nvariables: {%s}\n"
    repo.campaign(text % ", ".join(names))
    assert repo.only().key == "a"
    repo.campaign(text % ", ".join([*names, "more: 1"]))
    found = repo.problem()
    assert (found.code, found.campaign) == ("too-many-variables", "a")
    assert found.place.startswith(f"{FILE}:4:")
    assert "1,001 variables" in found.message


def test_a_problem_of_a_shared_template_is_told_once(repo: Repository) -> None:
    repo.write("specs/templates/t.j2", "[[ 1 // 0 ]]")
    for key in "abcde":
        repo.campaign(f"key: {key}\nname: A\nsequenceSteps: [{{subject: s, bodyTemplate: ../templates/t.j2}}]\n", key)
    found = repo.problem()
    assert found.message.endswith("Concerns `a`, `b`, `c` and 2 more.")


@pytest.mark.parametrize("content", [b"\xff", b"x" * 1_000_001], ids=["not UTF-8", "too large"])
def test_a_template_file_that_is_no_template(repo: Repository, content: bytes) -> None:
    repo.write("specs/templates/t.j2", content)
    with_template(repo, "../templates/t.j2")
    assert repo.problem().code in {"template-syntax", "template-too-large"}


def test_a_missing_template_and_a_folder(repo: Repository) -> None:
    for path in ("../templates/t.j2", ".", "x" * 5000):
        with_template(repo, path)
        found = repo.problem()
        assert (found.code, found.place) == ("template-missing", f"{FILE}:6:19")
