"""What a text is about, in a form that can be compared: its terms, the classes of synonyms they belong to, its letters.

Texts of languages that write spaces are compared by stems, Chinese and Japanese ones by the characters themselves.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.answer.words import words
from bot.terms import terms

DENSE = frozenset({"zh", "ja"})
"""Languages whose words are looked for as characters."""

_DENSE_RUN = re.compile("[\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKS = re.compile(r"[*_`#>\\~]+|<[^>]{0,200}>")


@dataclass(frozen=True, slots=True)
class Meaning:
    """`terms` are stems, `classes` names of synonym classes, `plain` the folded text without its Markdown."""

    terms: frozenset[str]
    classes: frozenset[str]
    plain: str


@lru_cache(maxsize=16_384)
def meaning(text: str, language: str) -> Meaning:
    """What `text`, a piece of Markdown in `language`, is about."""
    plain = plain_text(text)
    stems = terms(plain, language)
    classes = {name for _, _, name in class_spans(stems, language)}
    classes |= {name for _, _, name in dense_class_spans(plain)}
    return Meaning(frozenset(stems), frozenset(classes), plain)


def plain_text(markdown: str) -> str:
    """Markdown as folded text: marks and link targets gone, widths and cases made one."""
    bare = _MARKS.sub("", _LINK.sub(r"\1", markdown))
    return unicodedata.normalize("NFKC", bare).casefold()


def class_spans(stems: Sequence[str], language: str) -> Iterator[tuple[int, int, str]]:
    """(begin, end, class) for every word or phrase among `stems` that a class of synonyms lists.

    Words that the language's own list does not have are looked up as English.
    """
    tables = [_phrases(language)] if language == "en" else [_phrases(language), _phrases("en")]
    for begin in range(len(stems)):
        for table in tables:
            hits = [
                (begin, begin + len(phrase), name)
                for phrase, names in table.get(stems[begin], ())
                if tuple(stems[begin : begin + len(phrase)]) == phrase
                for name in names
            ]
            yield from hits
            if hits:
                break


def dense_class_spans(plain: str, *, shortest: int = 2) -> Iterator[tuple[int, int, str]]:
    """(begin, end, class) in a text's Chinese characters: the longest listed phrase from each place.

    One character alone says little inside a longer text; `shortest=1` is for questions.
    """
    if not _DENSE_RUN.search(plain):
        return
    table, pattern = _dense_phrases()
    for match in pattern.finditer(plain):
        phrase = match.group(1)
        if len(phrase) >= shortest:
            for name in table[phrase]:
                yield (match.start(1), match.end(1), name)


@lru_cache(maxsize=32)
def _phrases(language: str) -> Mapping[str, Sequence[tuple[tuple[str, ...], tuple[str, ...]]]]:
    """A language's phrases by their first stem, the longest first."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name, entry in words("synonyms").items():
        if language in DENSE or language not in entry:
            continue
        for phrase in entry[language].split("|"):
            stems = tuple(terms(phrase, language))
            if stems and name not in found.setdefault(stems, []):
                found[stems].append(name)
    table: dict[str, list[tuple[tuple[str, ...], tuple[str, ...]]]] = {}
    for stems in sorted(found, key=len, reverse=True):
        table.setdefault(stems[0], []).append((stems, tuple(found[stems])))
    return table


@lru_cache(maxsize=1)
def _dense_phrases() -> tuple[Mapping[str, Sequence[str]], re.Pattern[str]]:
    table: dict[str, list[str]] = {}
    for name, entry in words("synonyms").items():
        for phrase in entry.get("zh", "").split("|"):
            if phrase:
                table.setdefault(phrase.casefold(), []).append(name)
    longest_first = "|".join(map(re.escape, sorted(table, key=len, reverse=True)))
    return table, re.compile(f"(?=({longest_first}))")
