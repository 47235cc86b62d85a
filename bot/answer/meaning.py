"""What a text is about, in a form that can be compared: its terms, the classes of synonyms they belong to, its letters.

Texts of languages that write spaces are compared by stems, Chinese and Japanese ones by the characters themselves.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from bot.answer.lexicon import dense_spans, spans
from bot.chinese import simplified
from bot.glosses import Gloss, glosses_of
from bot.roots import root
from bot.terms import terms
from bot.thesaurus import meant_by

_LINK = re.compile(r"!?\[([^\]\n]{0,500})\]\([^)\n]{0,2000}\)")
_HAN = re.compile("[\u3400-\u9fff]+")
_SPACED_UNIT = re.compile(r"(?<=\d)\s+(?=[\u3400-\u9fff])")
_MARKS = re.compile(r"[*_`#>\\~]+|<[^>]{0,200}>")


@dataclass(frozen=True, slots=True)
class Meaning:
    """`terms` are stems, `classes` names of synonym classes, `plain` the folded text without its Markdown.

    `glosses` are what its Chinese words mean in English, `glossed` the stems of that, single characters' too. `roots`
    are what its English words are derived from.
    """

    terms: frozenset[str]
    classes: frozenset[str]
    plain: str
    glosses: frozenset[Gloss] = frozenset()
    glossed: frozenset[str] = frozenset()
    roots: frozenset[str] = frozenset()


@lru_cache(maxsize=16_384)
def meaning(text: str, language: str) -> Meaning:
    """What `text`, a piece of Markdown in `language`, is about."""
    plain = _SPACED_UNIT.sub("", plain_text(text))
    stems = terms(plain, language)
    found = [entry for _, _, entry in spans(stems, language)]
    dense = list(dense_spans(plain))
    found += [entry for _, _, entry in dense]
    runs = _HAN.findall(plain) if language == "zh" else []
    said = {plain[begin:end] for begin, end, _ in dense}
    return Meaning(
        frozenset(stems),
        frozenset().union(*(entry.classes for entry in found)),
        plain,
        frozenset().union(*(glosses_of(run, shortest=2) for run in runs)),
        frozenset(stem for gloss in chain(*map(glosses_of, runs), *map(meant_by, said)) for stem in gloss),
        frozenset(map(root, stems)) if language == "en" else frozenset(),
    )


@lru_cache(maxsize=16_384)
def plain_text(markdown: str) -> str:
    """Markdown as folded text: marks and link targets gone, widths and cases made one, Chinese written simply."""
    bare = _MARKS.sub("", _LINK.sub(r"\1", markdown))
    return simplified(unicodedata.normalize("NFKC", bare).casefold())
