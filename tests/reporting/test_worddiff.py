import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

from reconciler.planning.diff import path_words
from reconciler.reporting.worddiff import text_of, value_diff, word_diff

WORDS = st.lists(st.sampled_from(["a", "b", "c,", "(d)", "€90", "{{x}}", "e.f", "g!"]), max_size=30).map(" ".join)


def diff(before: str, after: str, *, markup: bool = False, whole: bool = False) -> str:
    return "".join(span.text for span in word_diff(before, after, markup=markup, whole=whole))


@examples(100)
@given(WORDS, WORDS)
def test_both_texts_can_be_read_out_of_a_whole_difference(before: str, after: str) -> None:
    spans = word_diff(before, after, markup=False, whole=True)
    old = "".join(span.text[2:-2] if span.style == "red" else span.text for span in spans if span.style != "green")
    new = "".join(span.text[2:-2] if span.style == "green" else span.text for span in spans if span.style != "red")
    assert old.split() == before.split()
    assert new.split() == after.split()


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("at €90 a month", "at €120 a month", "at [-€90-]{+€120+} a month"),
        ("Quick idea, Ada", "Quick question, Ada", "Quick [-idea-]{+question+}, Ada"),
        ("one two three", "one four five", "one [-two three-]{+four five+}"),
        ("a", "a b", "a{+ b+}"),
        ("a  b", "a b", "a[-  -]{+ +}b"),
        ("same", "same", "same"),
        ("", "new", "{+new+}"),
        ("x", "{+y+}", "[-x-]{+{\\+y+\\}+}"),
        ("see [-this-] x", "see [-this-] y", "see [\\-this-\\] [-x-]{+y+}"),
    ],
)
def test_texts(before: str, after: str, shown: str) -> None:
    assert diff(before, after) == shown


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("<p>Hi <b>Ada</b>,</p><p>old text</p>", "<p>Hi <b>Ada</b>,</p><p>new text</p>", "Hi Ada, [-old-]{+new+} text"),
        ('<a href="x">here</a>', '<a href="y">here</a>', '[-<a href="x">-]{+<a href="y">+}here'),
        ("Tom &amp; Ann", "Tom &amp; Bob", "Tom & [-Ann-]{+Bob+}"),
        ("a &amp; b", "a & b", "a [-&amp;-]{+&+} b"),
        ("a<br> <br>b", "c<br> <br>d", "[-a-]{+c+} [-b-]{+d+}"),
        ("a < b", "a < c", "a < [-b-]{+c+}"),
    ],
)
def test_bodies(before: str, after: str, shown: str) -> None:
    """Unchanged tags are left out, changed ones are shown; what reads the same is shown as it is written."""
    assert diff(before, after, markup=True).strip() == shown


def test_rules_of_style_are_no_words() -> None:
    style = "<style type=x>\n a { color: red }\n b > c { margin: 0 }</style>"
    assert diff(f"{style}<p>Hi Ada</p>", f"{style}<p>Hi Bob</p>", markup=True).strip() == "Hi [-Ada-]{+Bob+}"
    assert text_of(f"<p>Hi</p>{style}") == "Hi"
    assert "color: blue" in diff(style, style.replace("red", "blue"), markup=True)


def test_long_unchanged_stretches_are_shortened() -> None:
    body = " ".join(f"w{number}" for number in range(50))
    assert diff(f"{body} x {body}", f"{body} y {body}") == "… w45 w46 w47 w48 w49 [-x-]{+y+} w0 w1 w2 w3 w4 …"
    assert diff(f"{body} x", f"{body} y", whole=True) == f"{body} [-x-]{{+y+}}"


def test_many_places_are_counted() -> None:
    before = " ".join(f"same a{number}" for number in range(9))
    after = " ".join(f"same b{number}" for number in range(9))
    assert diff(before, after).endswith("[-a5-]{+b5+} same  … and 3 more places")
    assert "more place" not in diff(before, after, whole=True)


def test_a_text_too_long_to_align_is_shown_by_its_ends() -> None:
    before = "same " + " ".join(f"a{number}" for number in range(3000)) + " end"
    after = "same " + " ".join(f"b{number}" for number in range(3000)) + " end"
    shown = diff(before, after)
    assert shown.startswith("same [-a0 a1 ")
    assert "(2,960 words)" in shown
    assert shown.endswith("b2999+} end")


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (3, 4, "[-3-]{+4+}"),
        (None, "x", "{+x+}"),
        (True, None, "[-yes-]"),
        ({"b": 1, "a": [2]}, None, '[-{"a":[2],"b":1}-]'),
    ],
)
def test_values(before: object, after: object, shown: str) -> None:
    assert "".join(span.text for span in value_diff(before, after)) == shown


def test_the_words_of_a_body() -> None:
    assert text_of("<p>Hi <b>{{firstName}}</b>,</p>\n<p>a&nbsp;b</p>") == "Hi {{firstName}}, a b"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("name", "name"),
        ("sequenceSteps", "steps"),
        ("sequenceSteps[1]", "step 2"),
        ("sequenceSteps[1].delayDays", "step 2 wait"),
        ("sequenceSteps[9].bodyHtml", "step 10 body"),
        ("sequenceSteps[0].subject", "step 1 subject"),
        ("sequenceSteps[0].other", "step 1 other"),
        ("sequenceSteps[x]", "sequenceSteps[x]"),
    ],
)
def test_paths(path: str, words: str) -> None:
    assert path_words(path) == words
