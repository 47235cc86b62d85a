"""The house's Markdown as Slack's."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack.markdown import answer, body, linked, plain, said
from adapters.sources import is_web_address, web_url
from bot.events import Citation

PIECES = st.sampled_from(
    (
        *(
            "<!channel>",
            "<!here",
            "<@U0123>",
            "<#C0123|x>",
            "<!subteam^S1|@team>",
            "<!date^1^x|y>",
            "@here",
            "@channel",
        ),
        *(
            "@everyone",
            "a@here.example",
            "`",
            "``",
            "```\n",
            "\n",
            "\n\n",
            " ",
            "<",
            "!",
            "@",
            "U0123",
            "[1]",
            "[2](x)",
        ),
        *("![a](b)", "![", "[", "](", ")", "_", "word", "&lt;", "\\"),
    )
)
PINGS = re.compile(
    r"<[@#][A-Z0-9]|<!(?:channel|here|everyone|group|subteam|date)|(?<![^\W_])(?<!\.)@(?:channel|here|everyone)(?![^\W_])",
    re.I,
)


@given(st.lists(PIECES, max_size=20).map("".join))
@settings(max_examples=400, deadline=None)
def test_nothing_in_it_calls_people(text):
    """Whatever stands in an answer, in a title or in a name, in code or not."""
    assert not PINGS.search(body(text))
    assert not PINGS.search(plain(text))
    source = Citation(number=1, title=text, location="x.md")
    assert not PINGS.search(answer("It is so [1].", (source,), {1: "https://shop.example"}, "en"))


@given(st.text(st.characters(exclude_characters="<@![`~"), max_size=200))
@settings(deadline=None)
def test_what_is_ordinary_stays_as_it_is(text):
    assert body(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("See ![the plan](https://shop.example/p.png).", "See [the plan](https://shop.example/p.png)."),
        ("See ![](https://shop.example/p.png).", "See [image](https://shop.example/p.png)."),
        ("![<!here> @channel](<@U0123>) _@here_", "[&lt;!here> @\u2060channel](&lt;@U0123>) _@\u2060here_"),
        ("It is so [1][2], [3].", "It is so [1][[2]](https://b.example), [3]."),
        ("Code `a[2]` and\n```\nx[2] ![a](b)\n```", "Code `a[2]` and\n```\nx[2] ![a](b)\n```"),
        ("A link [2](https://c.example).", "A link [2](https://c.example)."),
        ("1 < 2 & 3 > 2, <b>bold</b>", "1 < 2 & 3 > 2, <b>bold</b>"),
        ("<!DOCTYPE html> <!-- note -->", "<!DOCTYPE html> <!-- note -->"),
    ],
)
def test_images_and_citations_become_links(text, shown):
    """Outside of code, and only where there is something to open."""
    assert body(text, {2: "https://b.example"}) == shown.replace("[1][[2]]", "[1][[2]]")


def test_sources_are_named_after_code_that_was_never_closed():
    source = Citation(number=1, title="A", location="a.md")
    assert answer("Look [1]:\n```\nx = 1", (source,), {}, "de") == "Look [1]:\n```\nx = 1\n```\n\nQuellen: 1. A"


def test_a_persons_name_is_no_markup():
    assert said("*Bo* [x](y) <@U1>", "hi") == "**\\*Bo\\* \\[x\\](y) &lt;@\u2060U1&gt;:** hi"


def test_sources_are_linked_where_they_can_be_opened():
    """A page of the web, a page below our own root, our rendering of it when that is served; else not."""
    sources = (
        Citation(number=1, title="A", location="a.md", url="https://a.example/x (1)"),
        Citation(number=2, title="B", location="https://b.example/(b)"),
        Citation(number=3, title="C", location="c d.md", url="/c"),
        Citation(number=4, title="D", location="d d.md"),
    )
    links = linked(sources, "https://chat.example", pages=True)
    assert links == {
        1: "https://chat.example/web/source?location=a.md",
        2: "https://b.example/%28b%29",
        3: "https://chat.example/c",
        4: "https://chat.example/web/source?location=d%20d.md",
    }
    assert linked(sources, "https://chat.example", pages=False).keys() == {2, 3}
    assert linked(sources, "", pages=True).keys() == {2}


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://user:pw@evil.example", "//evil.example", "https://", "https://[x"]
)
def test_what_is_no_address_of_the_web_is_never_opened(url):
    assert not is_web_address(url)
    assert web_url(Citation(number=1, title="", location=url, url=url), "https://chat.example") == ""
