"""Breaking lines: what is known to fit is not looked at word by word, and comes out the same."""

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

from reconciler.reporting import layout
from reconciler.reporting.layout import Page, Span

SPANS = st.lists(st.builds(Span, st.text("ab 語", max_size=8), st.sampled_from(["", "bold", "dim"])), max_size=5)


def rendered(spans: list[Span], width: int) -> str:
    page = Page(color=True, width=40)
    page.row("it", layout.wrap(spans, width), indent=2, column=4)
    return page.render()


@given(SPANS, st.integers(1, 30))
@examples(400)
def test_a_text_that_fits_is_what_breaking_it_would_make(spans: list[Span], width: int) -> None:
    quick = rendered(spans, width)
    with patch.object(layout, "_is_line", return_value=False):
        assert rendered(spans, width) == quick
