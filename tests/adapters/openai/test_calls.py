"""Tool calls are found in what models write, however it is cut, and nothing else is taken for one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.openai.calls import Call, CallReader

NAMES = frozenset({"weather", "add"})
PARIS = Call("weather", '{"city": "Paris"}')
SUM = Call("add", '{"a": 1, "b": 2}')
_PARIS = '{"name": "weather", "arguments": {"city": "Paris"}}'
_SUM = '{"name": "add", "parameters": {"a": 1, "b": 2}}'
_TRICKY = '{"name": "weather", "arguments": {"city": "</tool_call> } ] \\" {"}}'


def read(*pieces: str) -> tuple[str, list[Call]]:
    """All text, and all calls."""
    reader = CallReader(NAMES)
    found = [one for piece in pieces for one in reader.feed(piece)] + reader.finish()
    return "".join(one for one in found if isinstance(one, str)), [one for one in found if isinstance(one, Call)]


KNOWN = [
    (f"<tool_call>\n{_PARIS}\n</tool_call>", "", [PARIS]),
    (f"Let me look.\n<tool_call>{_PARIS}</tool_call>\n<tool_call>{_SUM}</tool_call>", "Let me look.\n", [PARIS, SUM]),
    (f"<tool_call>{_PARIS}", "", [PARIS]),
    (f"<tool_call>{_TRICKY}</tool_call>", "", [Call("weather", '{"city": "</tool_call> } ] \\" {"}')]),
    (f"[TOOL_CALLS] [{_PARIS}, {_SUM}]", "", [PARIS, SUM]),
    ('[TOOL_CALLS]weather{"city": "Paris"}[TOOL_CALLS]add[ARGS]{"a": 1, "b": 2}', "", [PARIS, SUM]),
    (f"<|python_tag|>{_PARIS}; {_SUM}", "", [PARIS, SUM]),
    (f"  {_SUM}", "", [SUM]),
    (f"[{_PARIS},{_SUM}]", "", [PARIS, SUM]),
    (f'{{"type": "function", "function": {_PARIS}}}', "", [PARIS]),
    ('{"name": "weather", "arguments": "{\\"city\\": \\"Paris\\"}"}', "", [PARIS]),
    ('{"name": "weather"}', "", [Call("weather", "{}")]),
    (f"<tool_call>{_PARIS}</tool_call>\nDone.", "Done.", [PARIS]),
]

PLAIN = [
    "Hello there.",
    " \n",
    "{",
    '{"name": "Ada"}',
    '{"name": "rob", "arguments": {}}',
    "[1, 2, 3]",
    "{not JSON}",
    f"Say {_PARIS} to call it.",
    "<tool_call>not JSON</tool_call>",
    '<tool_call>{"name": "rob", "arguments": {}}</tool_call>',
    '<tool_call>{"name": "weather", "arguments": {"city": NaN}}</tool_call>',
    '<tool_call>{"name": "weather", "arguments": {"city": 1e999}}</tool_call>',
    '<tool_call>{"name": "weather", "arguments": "{\\"city\\": -1e999}"}</tool_call>',
    '<tool_call>{"name": "weather", "arguments": {"city": "\\ud83d"}}</tool_call>',
    '<tool_call>{"name": "weather", "arguments": ["Paris"]}</tool_call>',
    '<tool_call>{"name": "weather", "argum',
    "<tool_call>",
    "a < b and [TOOL",
    "[TOOL_CALLS]",
    "[TOOL_CALLS] nothing of the kind",
    "<|python_tag|>print(1)",
    '{"name": ["weather"]}',
]


@pytest.mark.parametrize(("text", "shown", "calls"), KNOWN)
def test_calls_are_found(text: str, shown: str, calls: list[Call]) -> None:
    """In one piece, and in single characters."""
    assert read(text) == (shown, calls)
    assert read(*text) == (shown, calls)


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_call_is_shown_as_it_is(text: str) -> None:
    """Broken JSON, tools that were not offered, markers that stay alone, objects that are answers."""
    assert read(text) == (text, [])
    assert read(*text) == (text, [])


_PIECES = st.lists(
    st.sampled_from(
        [one for one, *_ in KNOWN] + PLAIN + list('{}[]"\\;<|a ') + ["<tool_call>", "</tool_call>", "[TOOL_CALLS]"]
    ),
    max_size=6,
)


@given(_PIECES, st.randoms(use_true_random=False))
def test_where_it_is_cut_makes_no_difference(pieces: list[str], random: st.DataObject) -> None:
    """Whole, or in pieces of any length: the same text and the same calls."""
    text, cut = "".join(pieces), []
    rest = text
    while rest:
        size = random.randint(1, 7)  # type: ignore[attr-defined]  # it is a random.Random
        cut.append(rest[:size])
        rest = rest[size:]
    assert read(*cut) == read(text)


@given(st.lists(st.sampled_from(["<tool_call>", "<tool", "_call>", _PARIS, "</tool_call>", "x", "[TOOL_CALLS]"])))
def test_no_half_marker_is_ever_shown(pieces: list[str]) -> None:
    """While more may come, what is shown does not end in the beginning of a marker."""
    reader, shown = CallReader(NAMES), ""
    for piece in pieces:
        shown += "".join(one for one in reader.feed(piece) if isinstance(one, str))
        assert not shown.endswith(("<", "<t", "<tool_call", "[TOOL_CALLS", "<|"))


def test_text_is_not_held_back_without_need() -> None:
    """Words appear as they come, and JSON that cannot be a call at its first key."""
    reader = CallReader(NAMES)
    assert reader.feed("Hello") == ["Hello"]
    reader = CallReader(NAMES)
    assert reader.feed('{"na') == []
    assert reader.feed('mes": 1') == ['{"names": 1']


def test_hostile_text_ends_soon_and_is_shown() -> None:
    """Many markers, deep JSON, one long open string: had any a cost beyond its length, the test would not end."""
    for text in ("<tool_call>{" * 20_000, "[" * 200_000, '{"name": "' + "a" * 200_000, "<tool_call>" + "[" * 200_000):
        shown, calls = read(*[text[at : at + 4] for at in range(0, len(text), 4)])
        assert (shown, calls) == (text, [])


@given(st.dictionaries(st.text(max_size=5), st.recursive(st.none() | st.integers() | st.text(), st.lists), max_size=4))
def test_arguments_keep_their_meaning(arguments: dict[str, object]) -> None:
    """Whatever they hold."""
    written = json.dumps({"name": "add", "arguments": arguments})
    _, (call,) = read(f"<tool_call>{written}</tool_call>")
    assert json.loads(call.arguments) == arguments
