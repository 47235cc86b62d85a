"""Words that stand for one another here: what the operator lists, and what the articles say of themselves.

Operators write groups in `knowledge.synonyms`, or in a file `synonyms.txt` beside the project's configuration: one
group a line, its words or phrases parted by commas; what follows a "#" is a remark. Articles say it as "Fair Use
Policy (FUP)" (see `aliases`). A question that says one of a group finds what says another, a little weaker.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bot.errors import ConfigError
from bot.terms import is_dense, terms

FILE = "synonyms.txt"
_COMMA = re.compile(r"[,，、;；]")
_MOST_LINES, _MOST_WORDS = 10_000, 50

Group = Sequence[str]
Way = frozenset[str]
_Table = Mapping[str, Sequence[tuple[tuple[str, ...], int]]]


class Synonyms:
    """Groups of words or phrases. The same one may be in several: then it stands for the words of all of them."""

    def __init__(self, groups: Iterable[Group] = ()) -> None:
        self._groups = [tuple(group) for group in groups]
        self._tables: dict[str, _Table] = {}

    def __len__(self) -> int:
        return len(self._groups)

    def said(self, question: str, language: str, targets: Collection[str]) -> Iterator[tuple[Way, tuple[Way, ...]]]:
        """What of a question is in a group: its terms, and the ways in which `targets` say the others of the group."""
        table = self._table(language)
        found = terms(question, language)
        for begin, first in enumerate(found):
            for stems, number in table.get(first, ()):
                if tuple(found[begin : begin + len(stems)]) == stems:
                    own = frozenset(stems)
                    ways = dict.fromkeys(self._ways(number, sorted({language, *targets})))
                    yield own, tuple(way for way in ways if way != own)

    def _ways(self, number: int, targets: Sequence[str]) -> Iterator[Way]:
        return (frozenset(_stems(phrase, target)) for phrase in self._groups[number] for target in targets)

    def _table(self, language: str) -> _Table:
        """Phrases by their first term, as a question in `language` has them."""
        if language not in self._tables:
            table: dict[str, list[tuple[tuple[str, ...], int]]] = {}
            for number, group in enumerate(self._groups):
                for stems in dict.fromkeys(_stems(phrase, language) for phrase in group):
                    table.setdefault(stems[0], []).append((stems, number))
            self._tables[language] = table
        return self._tables[language]


def usable(groups: Iterable[Group]) -> list[Group]:
    """The groups without words that hold no letter or digit."""
    held = ([phrase for phrase in group if terms(phrase)] for group in groups)
    return [group for group in held if len(group) > 1]


def read_synonyms(file: Path) -> list[Group]:
    """The groups of a file; none when there is no such file. Raises `ConfigError` that names the line."""
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except FileNotFoundError:
        return []
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not UTF-8: save it as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from None
    if len(lines) > _MOST_LINES:
        raise ConfigError(f"{file} has {len(lines)} lines, but {_MOST_LINES} at most are read: shorten it.")
    return [group for number, line in enumerate(lines, 1) if (group := _group(line, file, number))]


def _group(line: str, file: Path, number: int) -> list[str]:
    phrases = [phrase.strip() for phrase in _COMMA.split(line.partition("#")[0])]
    phrases = [phrase for phrase in phrases if phrase]
    if len(phrases) == 1 or len(phrases) > _MOST_WORDS or not all(map(terms, phrases)):
        raise ConfigError(
            f"Line {number} of {file} is no group of synonyms: write two to {_MOST_WORDS} words or phrases, parted by "
            f'commas, such as "handset, phone, mobile". It says {line.strip()[:80]!r}.'
        )
    return phrases


def _stems(phrase: str, language: str) -> tuple[str, ...]:
    """A phrase's terms; of a word with marks in it ("e-SIM") the whole alone."""
    found = (terms(word, language) for word in phrase.split())
    return tuple(term for word in found for term in (word if word and is_dense(word[0]) else word[:1]))
