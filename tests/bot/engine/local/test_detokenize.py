"""Tokens to text, one at a time, for every kind of decoder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import decoders
from transformers import ByT5Tokenizer

from bot.engine.local.detokenize import Pieces, WindowDetokenizer, spelling_of
from bot.engine.local.text import Texts
from tests.bot.engine.local.tokenizers_of_each_kind import KINDS

TOKENIZERS = {kind: build() for kind, build in KINDS.items()}
TEXTS = {kind: Texts(tokenizer) for kind, tokenizer in TOKENIZERS.items()}
_KIND = st.sampled_from(sorted(KINDS))
_IDS = st.lists(st.integers(0, 2_000), max_size=30)
_WRITTEN = st.text(st.sampled_from("ab é你🙂👩\u200d🚀.\n<|im_end|>\x00"), max_size=30)


def _whole(kind: str, tokens: list[int]) -> str:
    return TOKENIZERS[kind].backend_tokenizer.decode(tokens, skip_special_tokens=True)


def _known(kind: str, ids: list[int]) -> list[int]:
    return [token % len(TOKENIZERS[kind]) for token in ids]


def _one_by_one(kind: str, tokens: list[int]) -> list[str]:
    stream = TEXTS[kind].stream(())
    return [*(stream.feed([token]) for token in tokens), stream.finish()]


@given(_KIND, _IDS)
def test_together_the_pieces_are_the_decoded_whole(kind: str, ids: list[int]) -> None:
    """Any tokens at all, special ones left out.

    Where byte tokens of SentencePiece are no UTF-8, what is wrong becomes U+FFFD as Unicode recommends, while the
    tokenizers library replaces the valid bytes beside it too.
    """
    tokens = _known(kind, ids)
    text, whole = "".join(_one_by_one(kind, tokens)), _whole(kind, tokens)
    assert text == whole or (kind in {"sentencepiece", "gemma"} and "\ufffd" in text and "\ufffd" in whole)


@given(_KIND, _IDS, st.lists(st.integers(1, 6), max_size=12))
def test_how_tokens_are_grouped_makes_no_difference(kind: str, ids: list[int], sizes: list[int]) -> None:
    """One call with all, or many with a few each."""
    tokens, stream, text, at = _known(kind, ids), TEXTS[kind].stream(()), "", 0
    for size in sizes:
        text += stream.feed(tokens[at : at + size])
        at += size
    text += stream.feed(tokens[at:]) + stream.finish()
    assert text == "".join(_one_by_one(kind, tokens))


@given(st.sampled_from(["byte_level", "sentencepiece", "gemma"]), _WRITTEN)
def test_written_text_comes_back_in_whole_characters(kind: str, text: str) -> None:
    """No piece holds half a character, each comes with the token that completes it, and nothing is left at the end."""
    tokens = TOKENIZERS[kind].backend_tokenizer.encode(text, add_special_tokens=False).ids
    if 0 in tokens and kind != "byte_level":
        return  # the unknown token
    pieces = _one_by_one(kind, tokens)
    assert not any("\ufffd" in piece for piece in pieces)
    assert pieces[-1] == ""
    assert "".join(pieces) == _whole(kind, tokens)


def test_a_character_appears_with_its_last_byte() -> None:
    """Four byte tokens of an emoji: three give nothing, and half of one at the end gives U+FFFD."""
    tokens = TOKENIZERS["byte_level"].encode("🙂", add_special_tokens=False)
    assert _one_by_one("byte_level", tokens) == ["", "", "", "🙂", ""]
    assert _one_by_one("byte_level", tokens[:2]) == ["", "", "\ufffd"]
    stray = _one_by_one("byte_level", [*tokens[:2], *tokens])
    assert "".join(stray) == "\ufffd🙂"


@given(_KIND, _IDS, _IDS)
def test_after_a_prompt_the_text_goes_on(kind: str, before: list[int], after: list[int]) -> None:
    """The prompt's text and the answer's are the text of both, so no space is lost between them."""
    prompt, tokens = _known(kind, before), _known(kind, after)
    whole, start = _whole(kind, prompt + tokens), _whole(kind, prompt)
    if "\ufffd" in whole + start or not start or not whole.startswith(start):
        return
    stream = TEXTS[kind].stream((), prompt=prompt)
    assert start + stream.feed(tokens) + stream.finish() == whole


def test_a_prompt_that_ends_inside_a_character_is_completed() -> None:
    """The first bytes are the prompt's, the character is the answer's."""
    tokens = TOKENIZERS["byte_level"].encode("🙂", add_special_tokens=False)
    stream = TEXTS["byte_level"].stream((), prompt=tokens[:3])
    assert stream.feed(tokens[3:]) == "🙂"


@pytest.mark.parametrize(
    "decoder",
    [
        None,
        decoders.WordPiece(),
        decoders.Metaspace(),
        decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)]),
        decoders.Sequence([decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 1)]),
        decoders.Sequence([decoders.ByteFallback(), decoders.Replace("a", "b"), decoders.Fuse()]),
    ],
)
def test_only_decoders_that_put_bytes_together_are_spelled(decoder: object) -> None:
    """Where a token's text depends on its neighbours, or its end is changed, the window is used."""
    assert spelling_of(decoder) is None


def test_the_window_stays_short_and_never_waits_for_ever() -> None:
    """A decoder that only ever gives U+FFFD: its text is let out after 16 tokens, and each decoding is short."""
    longest = 0

    def decode(tokens: object) -> str:
        nonlocal longest
        assert isinstance(tokens, list)
        longest = max(longest, len(tokens))
        return "\ufffd" * len(tokens)

    window = WindowDetokenizer(decode, frozenset())
    text = "".join(window.feed([7]) for _ in range(1_000)) + window.finish()
    assert text == "\ufffd" * 1_000
    assert longest <= 32


def test_a_decoder_that_shows_nothing_is_not_kept_waiting() -> None:
    """Tokens without any text come and go, and the text after them is whole."""
    window = WindowDetokenizer(lambda tokens: "".join("a" for token in tokens if token == 1), frozenset())
    assert [window.feed([0]) for _ in range(100)] == [""] * 100
    assert window.feed([1, 0, 1]) + window.finish() == "aa"


def test_a_tokenizer_written_in_python_streams_too() -> None:
    """ByT5 has a token for each byte and leaves half characters out when it decodes."""
    texts = Texts(ByT5Tokenizer())
    stream = texts.stream(("a",))
    tokens = texts.encode("né 你🙂 abc")
    assert [stream.feed([token]) for token in tokens[:11]] == ["n", "", "é", " ", "", "", "你", "", "", "", "🙂"]
    assert stream.feed(tokens[11:]) + stream.finish() == " "
    assert stream.stopped


def test_tokens_are_spelled_once() -> None:
    """What a token adds is looked up when it is first met; hidden tokens add nothing and are never spelled."""
    asked: list[int] = []

    def spell(token: int) -> bytes:
        asked.append(token)
        return bytes([token])

    pieces = Pieces(spell, frozenset([65]))
    assert [pieces[token] for token in (66, 65, 66, 200)] == ["B", "", "B", b"\xc8"]
    assert asked == [66, 200]
