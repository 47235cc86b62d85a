"""Chinese in the index and in questions: words instead of all pairs of characters, and what they mean.

A Chinese passage is indexed with the English meanings of its words, each marked so that it is no word of a text. By
them a question finds words of its own language that mean the same (抽烟 and 吸烟, "to smoke"), and any other language
that the concepts know finds Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence, Set

from bot.chinese import Word, words
from bot.glosses import Gloss, glosses, glosses_of
from bot.terms import STOP_WORDS, content_runs, terms
from bot.thesaurus import meant_by
from prompts.knowledge.concepts import chinese, meant
from prompts.knowledge.vocabulary import Vocabulary

HAN = "\u3400-\u9fff"
RUN = re.compile(f"[{HAN}]+")
MEASURE = re.compile(r"(?<=\d)\s?(?:个月|个?小时|个?星期|个?工作日|分钟|周岁|[天年月周岁日号点元块个次件张条位人台])")
"""What stands after a number says little without it."""

_MOST_JOINED = 5
_STOP = STOP_WORDS["zh"]
_Ways = tuple[frozenset[str], ...]


def meanings(text: str, language: str) -> str:
    """What the Chinese words of a text mean, as terms parted by spaces; "" for texts of other languages."""
    if language != "zh":
        return ""
    found = {stem for run in RUN.findall(text) for gloss in _meanings(run) for stem in gloss}
    return " ".join(sorted(meant(found)))


def _meanings(run: str) -> frozenset[Gloss]:
    """By the dictionary, and by the thesaurus."""
    return glosses_of(run).union(*(meant_by(word.text) for word in _whole(words(run))))


def asked_for(run: str, known: Vocabulary) -> Iterator[tuple[_Ways, _Ways, _Ways]]:
    """The ways to say each word of a run that carries its subject, to say nearly the same, and to say something akin.

    What the dictionary does not know goes by pairs. A verb that nobody wrote is left out: there are many for one deed.
    """
    before, unknown = "", ""
    for word in (*_whole(words(run)), None):
        if word and len(word.text) == 1 and word.text not in _STOP:
            unknown += word.text
            continue
        after = word.text if word and word.text not in _STOP else ""
        yield from _pairs(unknown, before, after, known)
        before, unknown = after, ""
        if word and after and content_runs(after):
            for said in (word, *_inner(word, known.frequency.keys())):
                yield from _word(said, known.languages, known.frequency.keys())


def _word(word: Word, languages: Collection[str], written: Set[str]) -> Iterator[tuple[_Ways, _Ways, _Ways]]:
    own = frozenset(terms(word.text, "zh"))
    related = tuple(dict.fromkeys(_related(word, own, languages)))
    said = own <= written
    if said or not word.verb or any(way <= written for way in related):
        yield (own,), related, () if said else _characters(word.text)


def _inner(phrase: Word, written: Set[str]) -> Iterator[Word]:
    """The words in a phrase of the lists: they may be written in other phrases, too."""
    found = words(phrase.text) if len(phrase.text) > 2 else ()
    if len(found) > 1:
        inner = (word for word in found if len(word.text) > 1 and content_runs(word.text))
        yield from (word for word in inner if frozenset(terms(word.text, "zh")) <= written)


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


def _pairs(unknown: str, before: str, after: str, known: Vocabulary) -> Iterator[tuple[_Ways, _Ways, _Ways]]:
    """Characters that are no word of the dictionary: pairs of them, and of them with the words around, as somebody
    wrote; what is left over is one more unknown word, or a character."""
    text = f"{before[-1:]}{unknown}{after[:1]}" if unknown else ""
    first = len(before[-1:])
    left = set(range(first, first + len(unknown)))
    for at in range(len(text) - 1):
        if text[at : at + 2] in known.frequency:
            left -= {at, at + 1}
            yield (frozenset((text[at : at + 2],)),), (), ()
    for at in sorted(left):
        if at + 1 in left and at - 1 not in left:
            yield (frozenset((text[at : at + 2],)),), (), _characters(text[at : at + 2])
        elif at - 1 not in left and text[at] in known.characters:
            yield (frozenset((f"{text[at]}*",)),), (), ()


def _characters(word: str) -> _Ways:
    """What nobody wrote may still share a character with what somebody did: 寄过 with 寄到."""
    return tuple(frozenset((f"{one}*",)) for one in word)
