"""Whether every `{{token}}` of a campaign has something to say to every lead. Pure."""

from collections.abc import Iterable, Sequence
from itertools import chain
from unicodedata import category

from reconciler.diagnostics import Diagnostic, SourceRange, error, note, warning
from reconciler.leads.shown import name_shown, names_shown
from reconciler.model.campaign import Campaign, SequenceStep
from reconciler.model.roster import Lead
from reconciler.tokens import find_tokens, is_visible, meant_token, nearest

MOST_TOKENS_TOLD = 20
"""Unknown tokens of a step that are told one by one; the others are counted."""

MOST_VALUES_TOLD = 5
"""Values that break an email and are told one by one; the others are counted."""

_LONGEST_COMPARED = 80
"""Characters. Names that are longer are compared with no others: strangers choose them."""

_WHITE_SPACE = frozenset("\t\n\r")
"""Control characters that are plain white space in a body."""

_TURNING = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
"""Embeddings, overrides and isolates of direction (Unicode Standard Annex 9, section 2)."""


def unknown_tokens(campaign: Campaign, fields: Iterable[str] | None) -> tuple[Diagnostic, ...]:
    """Tell each token that no lead can fill, at its step. `fields` without `email`; None: nobody knows them."""
    if fields is None:
        return _unchecked(campaign)
    there = sorted({"email", *fields})
    return tuple(chain.from_iterable(_unknown(campaign, index, there) for index in range(len(campaign.steps))))


def unused_fallbacks(campaign: Campaign, fields: Iterable[str] | None) -> tuple[Diagnostic, ...]:
    """Tell fallbacks that no email and no field of the list is called by, where another name was probably meant.

    `fields` are those of the list itself; None: nobody knows them. A fallback that no name is near to is a value of its
    own for every lead.
    """
    if campaign.leads is None or fields is None:
        return ()
    written = campaign.leads.fallbacks
    known = {"email", *used_tokens(campaign), *fields, *campaign.leads.columns}
    meant = sorted(name for name in known - {"email"} - written.keys() if len(name) <= _LONGEST_COMPARED)
    at = SourceRange(file=campaign.leads.file, line=campaign.leads.line)
    unused = [name for name, text in written.items() if name not in known and is_visible(text)]
    return tuple(
        warning(
            "unused-fallback",
            f"The fallback for {name_shown(name)} fills in for nothing: no email uses it, and the list has no such "
            f"field; did you mean {name_shown(near)}?",
            hint="Names must be equal, capitals too.",
            at=at,
            campaign=campaign.key,
        )
        for name in unused[:MOST_TOKENS_TOLD]
        if len(name) <= _LONGEST_COMPARED and (near := nearest(name, meant))
    )


def used_tokens(campaign: Campaign) -> tuple[str, ...]:
    """Return the tokens of a campaign's emails that a list can leave blank, in order of their names."""
    return tuple(sorted({token for step in campaign.steps for token in _tokens(step)} - {"email"}))


def subject_tokens(campaign: Campaign) -> frozenset[str]:
    """Return the tokens that stand in a subject."""
    return frozenset(token for step in campaign.steps for token in find_tokens(step.subject))


def unfit_values(campaign: Campaign, leads: Sequence[Lead], total: int) -> tuple[Diagnostic, ...]:
    """Tell values that would break an email, or deceive its reader.

    A line break in a subject; anywhere the braces of a token, control characters, what turns the direction of text.
    `leads` are the first ones that have any, of `total` such values; a few are told by their line, and never quoted.
    Where a fallback is such a value, it alone is told, at its file.
    """
    subjects, used = subject_tokens(campaign), used_tokens(campaign)
    if written := _unfit_fallbacks(campaign, used, subjects):
        return written
    found = [
        error("lead-value", f"The value for `{token}` {why}.", hint="Correct the list.", at=at, campaign=campaign.key)
        for lead in leads
        for at in [SourceRange(file=lead.file, line=lead.line)]
        for token in used
        if (why := _unfit(lead.fields.get(token, ""), subject=token in subjects))
    ]
    told = found[:MOST_VALUES_TOLD]
    if total > len(told):
        more = f"And {total - len(told):,} more such values."
        at = SourceRange(file=leads[0].file if leads else "")
        told.append(error("lead-value", more, at=at, campaign=campaign.key))
    return tuple(told)


def _unfit_fallbacks(campaign: Campaign, used: Sequence[str], subjects: frozenset[str]) -> tuple[Diagnostic, ...]:
    if campaign.leads is None:
        return ()
    at = SourceRange(file=campaign.leads.file, line=campaign.leads.line)
    return tuple(
        error("lead-value", f"The fallback for `{token}` {why}.", hint="Correct it.", at=at, campaign=campaign.key)
        for token in used
        if (why := _unfit(campaign.leads.fallbacks.get(token, ""), subject=token in subjects))
    )


def _unfit(value: str, *, subject: bool) -> str | None:
    if "{{" in value:
        return "holds `{{`, which would reach the reader, or be filled in, as a token"
    # What is printable holds none of these; that is told fast.
    if value.isprintable():
        return None
    if subject and any(category(char) in {"Cc", "Zl", "Zp"} for char in value):
        return "goes into a subject, and holds a line break or another control character"
    if any(char in _TURNING or (category(char) == "Cc" and char not in _WHITE_SPACE) for char in value):
        return "holds a control character, or one that turns the direction of text, which can deceive a reader"
    return None


def _tokens(step: SequenceStep) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*find_tokens(step.subject), *find_tokens(step.body_html))))


def _unknown(campaign: Campaign, index: int, there: Sequence[str]) -> Iterable[Diagnostic]:
    """Yield what a step asks of leads in vain; of many tokens only the first ones, and how many more there are."""
    step = campaign.steps[index]
    parts = {"subject": dict.fromkeys(find_tokens(step.subject)), "body": dict.fromkeys(find_tokens(step.body_html))}
    known = frozenset(there)
    unknown = [token for token in dict.fromkeys(chain.from_iterable(parts.values())) if token not in known]
    line = campaign.step_lines[index] if index < len(campaign.step_lines) else campaign.line
    at = SourceRange(file=campaign.file, line=line)
    hint = f"Fields there are: {names_shown(there)}. A lead without the field would read nothing in its place."
    for token in unknown[:MOST_TOKENS_TOLD]:
        where = " and ".join(name for name, tokens in parts.items() if token in tokens)
        meant = meant_token(token, there)
        question = f"; did you mean `{{{{{meant}}}}}`?" if meant else "."
        message = f"Step {index + 1} uses `{{{{{token}}}}}` in its {where}, but no lead has `{token}`{question}"
        yield error("unknown-token", message, hint=hint, at=at, campaign=campaign.key)
    more = len(unknown) - MOST_TOKENS_TOLD
    if more > 0:
        what = "1 more token" if more == 1 else f"{more:,} more tokens"
        message = f"Step {index + 1} uses {what} that no lead has."
        yield error("unknown-token", message, hint=hint, at=at, campaign=campaign.key)


def _unchecked(campaign: Campaign) -> tuple[Diagnostic, ...]:
    unchecked = [name for name in dict.fromkeys(chain.from_iterable(map(_tokens, campaign.steps))) if name != "email"]
    if not unchecked:
        return ()
    if campaign.leads is None:
        why, hint = "there is no list of leads", "Give the campaign its `leads`."
    else:
        why, hint = "the list is not at hand", "Name the list's fields under `leads`: `fields: [firstName, company]`."
    return (
        note(
            "tokens-unchecked",
            f"The tokens of this campaign were not checked, because {why}: {names_shown(unchecked)}.",
            hint=hint,
            at=SourceRange(file=campaign.file, line=campaign.leads.line if campaign.leads else campaign.line),
            campaign=campaign.key,
        ),
    )
