"""The emails of the campaigns: their texts rendered, all in one go, and checked."""

import html
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.diagnostics import Diagnostic, SourceRange, error, warning
from reconciler.loading.campaigns import Draft
from reconciler.loading.confine import RefusedPathError, resolve
from reconciler.loading.layers import Layer
from reconciler.loading.templates import Job, Problem, Rendered, Worker
from reconciler.loading.words import clipped, path_text
from reconciler.model.campaign import CampaignFile, SequenceStep, StepFile
from reconciler.tokens import STANDARD_FIELDS, find_tokens, malformed_tokens, nearest

DELIMITER = "[["
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_NAMED_CAMPAIGNS = 3
_TOLD_TOKENS = 20
_COMPARED_NAMES = 200
_COMPARED_LENGTH = 80


@dataclass
class Text:
    """A subject or a body on its way. `at` is the path of its key in the campaign; `is_block`: written with `|`."""

    draft: Draft
    at: tuple[str | int, ...]
    job: Job
    rendered: Rendered | None = None

    @property
    def layer(self) -> Layer:
        """The layer that the text comes from."""
        return self.draft.layers.source(self.at)

    @property
    def place(self) -> SourceRange:
        """Where the text, or the path of its template, stands."""
        return self.layer.place(self.at)

    def line_place(self, line: int | None) -> SourceRange:
        """Return the place of a line of the job's own text, as far as it can be told."""
        place, layer = self.place, self.layer
        if line is None or self.job.template or (*layer.prefix, *self.at) not in layer.document.blocks:
            return place
        return SourceRange(file=place.file, line=(place.line or 1) + line)


@dataclass
class Emails:
    """The steps of each campaign by file, with the digests of what they come from."""

    steps: dict[str, tuple[SequenceStep, ...]] = field(default_factory=dict)
    sources: dict[str, dict[str, str]] = field(default_factory=dict)
    own_sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def render(drafts: Sequence[Draft], *, root: Path, worker: Worker) -> Emails:
    """Render the steps of all valid campaigns. Texts without template delimiters need no worker."""
    emails = Emails()
    files = _Files(root)
    texts = [text for draft in drafts if draft.written for text in _texts(draft, draft.written, files, emails)]
    waiting = [text for text in texts if text.job.template is not None or DELIMITER in (text.job.text or "")]
    for text, rendered in zip(waiting, worker.render([text.job for text in waiting]), strict=True):
        text.rendered = rendered
    by_draft: dict[str, list[Text]] = {}
    for text in texts:
        by_draft.setdefault(text.draft.file, []).append(text)
    failed: dict[Diagnostic, list[Draft]] = {}
    for draft in drafts:
        if draft.written is not None:
            own = by_draft.get(draft.file, [])
            for item in dict.fromkeys(_told(own, files)):
                failed.setdefault(item, []).append(draft)
            _assemble(draft, draft.written, own, emails)
    emails.diagnostics.extend(_grouped(failed))
    _own_sources(by_draft, emails)
    return emails


class _Files:
    """Looks template files up, each once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[tuple[str, str], str | RefusedPathError | None] = {}

    def find(self, folder: str, path: str) -> str | RefusedPathError | None:
        """Return the name of a template below the root; None where there is no such file."""
        wanted = folder, path
        if wanted not in self._known:
            try:
                name = resolve(str(self.root), folder, path)
                # `Path.is_file` raises for names that are too long.
                self._known[wanted] = name if os.path.isfile(self.root / name) else None  # noqa: PTH113
            except RefusedPathError as problem:
                self._known[wanted] = problem
        return self._known[wanted]

    def line_of(self, names: Iterable[str], wanted: str) -> SourceRange | None:
        """Return the first place of a text in some templates."""
        for name in names:
            try:
                content = (self.root / name).read_text(encoding="utf-8-sig", errors="replace")
            except OSError:
                continue
            if (position := content.find(wanted)) >= 0:
                line = content.count("\n", 0, position) + 1
                return SourceRange(file=name, line=line, column=position - content.rfind("\n", 0, position))
        return None


def _texts(draft: Draft, written: CampaignFile, files: _Files, emails: Emails) -> Iterable[Text]:
    """Yield subject and body of each step; a template that cannot be used is told and left out."""
    variables = written.variables
    for number, step in enumerate(written.sequence_steps):
        at = ("sequenceSteps", number)
        folder = _folder(draft, at)
        yield Text(draft, (*at, "subject"), Job(variables, html=False, text=step.subject, folder=folder))
        if step.body_template is None:
            name, body = _inline_body(step)
            is_html = name == "bodyHtml"
            yield Text(draft, (*at, name), Job(variables, html=is_html, text=body, folder=folder))
            continue
        name = "bodyTemplate"
        found = files.find(folder, step.body_template)
        if isinstance(found, str):
            yield Text(draft, (*at, name), Job(variables, html=True, template=found))
            continue
        place = draft.layers.place((*at, name))
        shown = clipped(step.body_template)
        if found is None:
            problem = error(
                "template-missing",
                f"There is no template `{shown}`.",
                hint=f"The path is relative to this file, in `{folder or '.'}`.",
                at=place,
            )
        else:
            hint = "Put the template inside the repository."
            problem = error("template-outside", f"`{shown}` may not be read: {found}.", hint=hint, at=place)
        if place.file == draft.file:
            problem = problem.model_copy(update={"campaign": draft.key})
        if problem not in emails.diagnostics:
            emails.diagnostics.append(problem)


def _inline_body(step: StepFile) -> tuple[str, str]:
    return ("bodyHtml", step.body_html) if step.body_html is not None else ("bodyText", step.body_text or "")


def _folder(draft: Draft, at: tuple[str | int, ...]) -> str:
    return draft.layers.source(at).document.file.rpartition("/")[0]


def _result(text: Text) -> str:
    """Return the text as it is sent, before plain paragraphs become HTML."""
    raw = text.job.text or "" if text.rendered is None else text.rendered.text
    return raw.strip()


def _told(texts: Sequence[Text], files: _Files) -> Iterable[Diagnostic]:
    """Yield what is wrong with the rendered texts of one campaign."""
    for text in texts:
        if text.rendered is not None and text.rendered.problems:
            for problem in text.rendered.problems:
                yield _template_problem(text, problem)
            continue
        result = _result(text)
        name = path_text(text.at)
        if not result:
            yield error("blank-text", f"`{name}` is blank once rendered.", hint="Give it a text.", at=text.place)
        elif text.at[-1] == "subject" and _CONTROL.search(result):
            message = f"`{name}` is not one line, or holds control characters."
            yield error("subject-lines", message, hint="Write the subject on one line.", at=text.place)
        for token in malformed_tokens(result)[:_TOLD_TOKENS]:
            yield error(
                "malformed-token",
                f"`{clipped(token)}` is no token and would reach the reader as it stands.",
                hint="Write `{{fieldName}}`: letters, digits and `_`, without spaces inside the name.",
                at=_place_of(text, token, files),
            )
        yield from _confused_tokens(text, result, files)


def _confused_tokens(text: Text, result: str, files: _Files) -> Iterable[Diagnostic]:
    """Yield the tokens that name a variable of ours and, as far as known, no field of a lead."""
    written = text.draft.written
    if written is None:
        return
    fields = _fields(written)
    closed = written.leads is None or written.leads.fields is not None
    confused = [token for token in find_tokens(result) if token in written.variables and token not in fields]
    for token in confused[:_TOLD_TOKENS]:
        message = f"`{token}` is a variable of the campaign; `{{{{{token}}}}}` would be filled in from each lead."
        at = _place_of(text, f"{{{{{token}}}}}", files)
        make = error if closed else warning
        yield make("variable-as-token", message, hint=f"Write `[[ {token} ]]`.", at=at)


def _place_of(text: Text, wanted: str, files: _Files) -> SourceRange:
    """Return where a text that is in the result stands: in the campaign file, or in one of the templates."""
    if text.job.text is not None and (position := text.job.text.find(wanted)) >= 0:
        return text.line_place(text.job.text.count("\n", 0, position) + 1)
    sources = text.rendered.sources if text.rendered else {}
    names = [text.job.template] if text.job.template else []
    return files.line_of([*names, *sorted(sources)], wanted) or text.place


def _fields(written: CampaignFile) -> set[str]:
    fields = set(STANDARD_FIELDS)
    if written.leads is not None:
        fields.update(written.leads.fields or (), written.leads.columns, written.leads.fallbacks)
    return fields


def _template_problem(text: Text, problem: Problem) -> Diagnostic:
    at = SourceRange(file=problem.file, line=problem.line) if problem.file else text.line_place(problem.line)
    if problem.code == "template-undefined":
        return _undefined(text, problem, at)
    hints = {
        "template-timeout": "Look for loops over large ranges and for huge numbers.",
        "template-budget": "Mend the templates that are slow, or give long texts, first.",
        "template-too-large": "An email is at most 1 MB.",
        "template-outside": "Templates come from inside the repository.",
        "template-missing": "It is looked for beside the template that names it, then in `templates` of the specs.",
        "template-refused": "Templates use the variables of the campaign, nothing else.",
        "template-syntax": "Templates use `[[ name ]]`, `[[% if … %]]` and `[[# remark #]]`.",
        "template-depth": "Look for a template that includes itself.",
    }
    what = "This text" if problem.file is None and text.job.template is None else "The template"
    message = f"{what} cannot be rendered: {problem.message.rstrip('.')}."
    return error(problem.code, message, hint=hints.get(problem.code), at=at)


def _undefined(text: Text, problem: Problem, at: SourceRange) -> Diagnostic:
    written = text.draft.written
    name = problem.name
    if name is None or written is None:
        return error("template-undefined", f"The template cannot be rendered: {problem.message}.", at=at)
    fields = _fields(written)
    near = _nearest(name, written.variables)
    if name in fields:
        hint = f"`[[ {name} ]]` is a lead's field: write `{{{{{name}}}}}`."
    elif near:
        hint = f"Did you mean `{near}`?"
    elif (field_name := _nearest(name, fields)) is not None:
        hint = f"Did you mean the lead's field `{{{{{field_name}}}}}`?"
    else:
        hint = f"Give it a value under `variables` in {text.draft.file}."
    return error("template-undefined", f"There is no variable `{clipped(name)}`.", hint=hint, at=at)


def _nearest(name: str, known: Collection[str]) -> str | None:
    """Return the name that was probably meant; None where the search would take long (strangers choose the names)."""
    if len(known) > _COMPARED_NAMES or len(name) > _COMPARED_LENGTH:
        return None
    return nearest(name, sorted(word for word in known if len(word) <= _COMPARED_LENGTH))


def _grouped(failed: Mapping[Diagnostic, Sequence[Draft]]) -> Iterable[Diagnostic]:
    """Yield each finding once: what is wrong in a shared template concerns many campaigns alike."""
    for item, drafts in failed.items():
        if len(drafts) == 1:
            yield item.model_copy(update={"campaign": drafts[0].key})
            continue
        names = [f"`{draft.key}`" for draft in drafts]
        more = len(names) - _NAMED_CAMPAIGNS
        named = ", ".join(names[:_NAMED_CAMPAIGNS]) + (f" and {more} more" if more > 0 else "")
        yield item.model_copy(update={"message": f"{item.message} Concerns {named}."})


def _assemble(draft: Draft, written: CampaignFile, texts: Sequence[Text], emails: Emails) -> None:
    by_path = {text.at: text for text in texts}
    steps = []
    sources = {".": draft.own_digest()}
    if (shared := draft.shared_digest()) is not None:
        sources["workspace"] = shared
    for number, step in enumerate(written.sequence_steps):
        at = ("sequenceSteps", number)
        names = ("bodyHtml", "bodyText", "bodyTemplate")
        body = next((by_path[*at, name] for name in names if (*at, name) in by_path), None)
        if body is None:
            return  # its template was told as missing
        subject = by_path[*at, "subject"]
        content = _result(body)
        if body.at[-1] == "bodyText":
            content = paragraphs(content)
        steps.append(SequenceStep(subject=_result(subject), body_html=content, delay_days=step.delay_days))
        for text in (subject, body):
            if text.rendered is not None:
                sources.update(text.rendered.sources)
    emails.steps[draft.file] = tuple(steps)
    emails.sources[draft.file] = dict(sorted(sources.items()))


def _own_sources(by_draft: Mapping[str, Sequence[Text]], emails: Emails) -> None:
    """Settle which templates belong to one campaign alone: its bodies that nobody else uses."""
    uses = Counter(name for sources in emails.sources.values() for name in sources)
    for file in emails.sources:
        bodies = {text.job.template for text in by_draft.get(file, ()) if text.job.template is not None}
        emails.own_sources[file] = (".", *sorted(name for name in bodies if uses[name] == 1))


def paragraphs(text: str) -> str:
    """Turn plain text into HTML: blank lines part paragraphs, single line ends become `<br>`. Tokens pass through."""
    blocks = (block.strip("\n") for block in _BLANK_LINES.split(text))
    return "\n".join(
        "<p>" + "<br>\n".join(html.escape(line.strip(), quote=False) for line in block.split("\n")) + "</p>"
        for block in blocks
        if block
    )
