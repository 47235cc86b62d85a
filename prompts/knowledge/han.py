"""Chinese in the index and in questions: words instead of all pairs of characters, and what they mean.

A Chinese passage is indexed with the English meanings of its words, each marked so that it is no word of a text. By
them a question finds words of its own language that mean the same (抽烟 and 吸烟, "to smoke"), and any other language
that the concepts know finds Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence, Set

from bot.chinese import Word, words
from bot.glosses import glosses, glosses_of
from bot.terms import content_runs, terms
from prompts.knowledge.concepts import chinese, meant

HAN = "\u3400-\u9fff"
RUN = re.compile(f"[{HAN}]+")
_MOST_JOINED = 5
_Ways = tuple[frozenset[str], ...]


def meanings(text: str, language: str) -> str:
    """What the Chinese words of a text mean, as terms parted by spaces; "" for texts of other languages."""
    if language != "zh":
        return ""
    found = {stem for run in RUN.findall(text) for gloss in glosses_of(run) for stem in gloss}
    return " ".join(sorted(meant(found)))


def asked_for(run: str, languages: Collection[str], written: Set[str]) -> Iterator[tuple[_Ways, _Ways, _Ways]]:
    """The ways to say each word of a run that carries its subject, to say nearly the same, and to say something akin.

    What the dictionary does not know goes by pairs. A verb that nobody wrote is left out: there are many for one deed.
    """
    for part in content_runs(run):
        unknown = ""
        for word in _whole(words(part)):
            if len(word.text) == 1:
                unknown += word.text
                continue
            yield from _pairs(unknown, written)
            unknown = ""
            own = frozenset(terms(word.text, "zh"))
            related = tuple(dict.fromkeys(_related(word, own, languages)))
            nobody = not own <= written and not any(way <= written for way in related)
            if not (nobody and word.verb):
                yield (own,), related, _characters(word.text) if nobody else ()
        yield from _pairs(unknown, written)


def _whole(found: Sequence[Word]) -> Iterator[Word]:
    """Words, put together where the list of concepts has them as one."""
    at = 0
    while at < len(found):
        ends = range(min(len(found), at + _MOST_JOINED), at + 1, -1)
        texts = ((end, "".join(word.text for word in found[at:end])) for end in ends)
        end, text = next(((end, text) for end, text in texts if chinese(text, ("zh",))), (at + 1, ""))
        yield Word(text) if text else found[at]
        at = end


def _related(word: Word, own: frozenset[str], languages: Collection[str]) -> Iterator[frozenset[str]]:
    yield from (way for way in chinese(word.text, languages) if way != own)
    for gloss in sorted(glosses(word), key=sorted):
        if "zh" in languages:
            yield meant(gloss)
        if "en" in languages:
            yield gloss


def _pairs(unknown: str, written: Set[str]) -> Iterator[tuple[_Ways, _Ways, _Ways]]:
    """Characters that are no word of the dictionary: each two of them, or the one."""
    if len(unknown) == 1:
        yield (frozenset((f"{unknown}*",)),), (), ()
    for pair in terms(unknown, "zh") if len(unknown) > 1 else ():
        yield (frozenset((pair,)),), (), () if pair in written else _characters(pair)


def _characters(word: str) -> _Ways:
    """What nobody wrote may still share a character with what somebody did: 寄过 with 寄到."""
    return tuple(frozenset((f"{one}*",)) for one in word)
