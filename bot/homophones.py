"""Slips of a Chinese input method, put right by ear: 发漂 for 发票, fa票 for 发票, 胡店 for 湖店.

Who types Pinyin and picks the wrong characters writes what sounds the same. A pair that nobody wrote is exchanged for
one that was written, where both sound the same, one of the characters stays, and no dictionary has what was typed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from bot.chinese import sound, words
from bot.terms import content_runs

_HAN = "\u3400-\u9fff"
_RUN = re.compile(f"[{_HAN}]{{2,}}")
_NUMERALS = re.compile("[零一二两三四五六七八九十百千几]+")
_SPELLED = re.compile(f"(?<=[{_HAN}])[a-z]{{2,6}}|(?<![a-z])[a-z]{{2,6}}(?=[{_HAN}])")
_GRAMMAR = frozenset("不没得着过再才又就也很太")
"""What stands beside a word by grammar makes no other word with it: 寄不 of 寄不了 is no slip of 痕迹不."""

_ALIKE = ((re.compile("^(z|c|s)h"), r"\1"), (re.compile(r"ng(?=\d?$)"), "n"), (re.compile("^l(?=.)"), "n"))
"""What many speakers do not tell apart: zh and z, -ng and -n, l and n."""


@dataclass(frozen=True)
class Written:
    """The pairs of characters that the texts hold; `characters` gives those that they are made of, when asked."""

    pairs: Container[str]
    characters: Callable[[], Iterable[str]]

    @cached_property
    def by_sound(self) -> Mapping[str, Sequence[str]]:
        """The characters by how they sound, with and without their tone."""
        found: dict[str, list[str]] = defaultdict(list)
        for character in sorted(self.characters()):
            found[heard(character)].append(character)
            found[heard(character).rstrip("12345")].append(character)
        return found


def heard(character: str) -> str:
    """The sound of a character with its tone, but for what many do not tell apart."""
    return _likened(sound(character))


def corrected(text: str, known: Written) -> str:
    """`text` with the characters that were meant; what the texts or a dictionary have stays as it is."""
    text = _SPELLED.sub(lambda match: _meant(match, known), text)
    return _RUN.sub(lambda match: _run(match.group(), known), text)


def _meant(match: re.Match[str], known: Written) -> str:
    """Pinyin beside characters as the character that was meant."""
    text, end = match.string, match.end()
    before, after = text[max(0, match.start() - 1) : match.start()], text[end : end + 1]
    for one in known.by_sound.get(_likened(match.group()), ()):
        if one + after in known.pairs or before + one in known.pairs:
            return one
    return match.group()


def _run(run: str, known: Written) -> str:
    """Grammar and numerals stay; between them words may be put right."""
    found, begin = list(run), 0
    for rest in (part for whole in content_runs(run) for part in _NUMERALS.split(whole) if part):
        begin = run.index(rest, begin)
        found[begin : begin + len(rest)] = _put_right(rest, known)
        begin += len(rest)
    return "".join(found)


def _put_right(rest: str, known: Written) -> list[str]:
    found, borders = list(rest), {0, *accumulate(len(word.text) for word in words(rest))}
    for at in range(len(rest) - 1):
        pair = found[at] + found[at + 1]
        if {at, at + 1, at + 2} <= borders and pair not in known.pairs and _GRAMMAR.isdisjoint(pair):
            found[at : at + 2] = next(_homophones(pair, known), pair)
    return found


def _homophones(pair: str, known: Written) -> Iterator[str]:
    first, second = pair[0], pair[1]
    for other in known.by_sound.get(heard(first), ()):
        if other + second in known.pairs:
            yield other + second
    for other in known.by_sound.get(heard(second), ()):
        if first + other in known.pairs:
            yield first + other


def _likened(syllable: str) -> str:
    for pattern, same in _ALIKE:
        syllable = pattern.sub(same, syllable)
    return syllable
