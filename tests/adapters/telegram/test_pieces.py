"""Long answers in several messages, cut where a reader would."""

from __future__ import annotations

from hypothesis import given, settings

from adapters.telegram.composing import compose
from adapters.telegram.markdown import render
from adapters.telegram.pieces import cut
from tests.adapters.telegram.test_markdown import of
from tests.adapters.telegram.written import LONG, accepted

_PROSE = "These are quite ordinary words, and there are some more of them. "


def texts(markdown: str) -> list[str]:
    messages = render(markdown)
    for message in messages:
        accepted(message)
    return [message.text for message in messages]


@given(LONG)
@settings(max_examples=60, deadline=None)
def test_joined_the_messages_are_the_text(markdown):
    """But for white space at the borders: none is said twice, and none is left out."""
    composed = compose(markdown)
    rest = composed.text
    for message in cut(composed):
        rest = rest.lstrip() if not rest.startswith(message.text) else rest
        rest = rest.removeprefix("\n") if not rest.startswith(message.text.lstrip()) else rest
        assert rest.startswith((message.text, message.text.lstrip()))
        rest = rest[len(message.text if rest.startswith(message.text) else message.text.lstrip()) :]
    assert not rest.strip()


def test_paragraphs_stay_whole():
    found = texts(f"{_PROSE * 50}\n\n{_PROSE * 40}")
    assert [text.count("quite") for text in found] == [50, 40]


def test_a_heading_goes_with_what_it_is_above():
    assert texts(f"{_PROSE * 57}\n\n## Next\n\n### Part\n\n{_PROSE * 20}")[1].startswith("Next\n\nPart\n\nThese")


def test_sentences_are_not_torn():
    assert all(text.endswith("of them.") for text in texts(_PROSE * 300))


def test_links_and_code_are_not_torn():
    for thing in ("[a label that has several words](https://a.example)", "`some code with blanks in it`"):
        for before in range(60):
            messages = render("x" * before + " " + f"{'word ' * 5}{thing} " * 150)
            for message in messages:
                accepted(message)
            covered = {text for message in messages for _, text in of(message)}
            assert len(covered) == 1, covered


def test_code_that_fits_stands_in_one_message():
    code = "\n".join(f"line_{number} = {number}" for number in range(150))
    found = texts(f"{_PROSE * 40}\n\n```python\n{code}\n```\n\nDone.")
    assert found[1] == f"{code}\n\nDone."


def test_long_code_is_cut_between_lines_and_stays_code():
    code = "\n".join(f"    line_{number} = {number}" for number in range(600))
    messages = render(f"Look:\n\n```python\n{code}\n```")
    assert [message.entities[0].language for message in messages[1:]] == ["python"] * (len(messages) - 1)
    assert "\n".join(message.text for message in messages[1:]) == code


def test_a_long_table_says_its_header_again():
    rows = "\n".join(f"| thing {number} | {number} |" for number in range(500))
    messages = render(f"| name | price |\n|---|---|\n{rows}")
    assert len(messages) > 1
    for message in messages:
        assert message.text.startswith("name       price\n---------  -----\nthing ")
        assert of(message) == [("pre", message.text)]
    assert sum(message.text.count("thing") for message in messages) == 500


def test_a_hundred_entities_are_enough():
    """What has more goes on in another message, with all of them."""
    messages = render("`a` **b** " * 200)
    assert [len(message.entities) for message in messages] == [100] * 4
    assert len(render("> " + "*x* " * 300)) == 4


def test_styles_and_quotations_go_on_in_the_next_message():
    messages = render(f"> **{(_PROSE * 100).strip()}**")
    assert len(messages) == 2
    assert all([entity.type for entity in message.entities] == ["blockquote", "bold"] for message in messages)


def test_one_word_without_an_end_is_cut_between_characters():
    found = texts("👩\u200d👩\u200d👧\u200d👦" * 1_000)
    assert "".join(found) == "👩\u200d👩\u200d👧\u200d👦" * 1_000
    assert all(text.startswith("👩\u200d👩") and text.endswith("👦") for text in found)


def test_characters_longer_than_a_message_are_cut_all_the_same():
    assert "".join(texts("e" + "\u0301" * 9_000)) == "e" + "\u0301" * 9_000
