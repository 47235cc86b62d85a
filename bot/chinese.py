"""Chinese as a dictionary knows it: where words end, how they sound, how they are written simply, what they mean.

The dictionary is CC-CEDICT, which comes with Lindera. It is read when the first Chinese text is; what neither knows is
a word of one character. Where it is not installed every character is, and nothing is known of any.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_SOUND, _SIMPLE, _MEANINGS = 4, 6, 7
"""Where an entry of Lindera's dictionary has its Pinyin, its simplified form and (to the end) its meanings."""

_RUN = re.compile("[\u3400-\u9fff]+")
_KANA = re.compile("[\u3040-\u30ff]")
_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_NO_MEANING = re.compile(
    r"^(?:CL:|surname\b|(?:\w+ )?variant of|abbr\.|see |also |old |used |(?:Taiwan|Beijing) |classifier|\w+ pr\.|\W*$)"
)
_reading = threading.Lock()


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it stands in the text. `sound` holds its syllables with their tones ("fa1"), `meanings` are English."""

    text: str
    sound: tuple[str, ...] = ()
    simple: str = ""
    meanings: tuple[str, ...] = ()

    @property
    def verb(self) -> bool:
        """Whether it is rather something done than a thing."""
        return bool(self.meanings) and self.meanings[0].startswith("to ")


@lru_cache(maxsize=16_384)
def words(text: str) -> tuple[Word, ...]:
    """The words of a text without spaces, in order."""
    with _reading:
        tokenizer = _tokenizer()
    if tokenizer is None:
        return tuple(Word(character) for character in text)
    return tuple(_word(token.surface, tuple(token.details)) for token in tokenizer.tokenize(text) if token.surface)


@lru_cache(maxsize=16_384)
def sound(character: str) -> str:
    """How one character is mostly said ("piao4"); itself when nobody knows."""
    return next((word.sound[0] for word in words(character) if word.sound), character)


def simplified(text: str) -> str:
    """`text` with its traditional characters written simply, and as long as it was; Japanese as it is.

    It goes word by word: 乾 of 烘乾 is 干, that of 乾隆 is not.
    """
    return text if _KANA.search(text) else _RUN.sub(_simplified, text)


def _simplified(match: re.Match[str]) -> str:
    run = match.group()
    if not any(map(_traditional, run)):
        return run
    return "".join(word.simple if len(word.simple) == len(word.text) else word.text for word in words(run))


@lru_cache(maxsize=16_384)
def _traditional(character: str) -> bool:
    """Whether a character is, or in some word may be, written simply as another one."""
    return any(word.simple not in ("", character) for word in words(character))


def _word(text: str, details: tuple[str, ...]) -> Word:
    if len(details) <= _MEANINGS or details[_SOUND] == "*":
        return Word(text)
    return Word(
        text,
        tuple(details[_SOUND].lower().replace("u:", "v").split()),
        details[_SIMPLE],
        tuple(_meanings(",".join(details[_MEANINGS:]))),
    )


def _meanings(entry: str) -> Iterator[str]:
    for meaning in entry.split("/"):
        if not _NO_MEANING.match(meaning) and (bare := _ASIDE.sub("", meaning).strip()):
            yield bare


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    try:
        from lindera import TokenizerBuilder  # type: ignore[import-untyped]  # it has no types
    except ImportError:
        return None
    builder = TokenizerBuilder()
    builder.set_mode("normal")
    builder.set_dictionary("embedded://cc-cedict")
    return builder.build()
