"""Words that a misspelt or compound one may stand for, among words that are known.

Slips are counted as Damerau and Levenshtein do: a letter more, less, or other, or two neighbours exchanged. Words of
five letters may have one, of eight two; the first letter may be wrong only where it is the only slip. A short word may
still be one whose vowels were left out ("csh"), whose double letter is written once ("bil"), or whose first letter
nobody hears ("rong"). A compound is known by its parts, and a part by the compounds that begin or end with it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rapidfuzz import process
from rapidfuzz.distance import OSA

_ONE, _TWO = 5, 8
_LONGEST = 32
_SHORTEST_PART, _SHORTEST_COMPOUND = 4, 8
_SHORTEST_SHORT, _LONGEST_SHORT = 3, 12
_SILENT = ("wr", "kn", "gn", "wh", "ps")
_VOWEL, _DOUBLE = re.compile("[aeiou]"), re.compile(r"(.)\1")
_MOST_INITIALS = 64
_AS_USUAL = 0.1
_LINKS = ("", "s", "es", "n", "en", "er")
_ENDINGS = (
    *("ation", "ations", "ion", "ions", "ing", "ings", "ment", "ments", "ed", "er", "ers", "es", "ity", "ness", "ance"),
    *("ence", "able", "al", "ate", "ated", "ating", "ive", "ung", "ungen", "en", "heit", "keit", "lich", "e"),
    *("cion", "ciones", "ar", "ado", "ada", "ando", "mente", "idad", "os", "as"),
)
"""What Snowball's stemmers take away from long words in English, German and Spanish, without accents."""
_LAST = "\U0010ffff"


class Spelling:
    """Over terms that are `known`, with how common each one is. Only plain words of letters take part."""

    def __init__(self, known: Mapping[str, int]) -> None:
        self._known = known
        self._groups: dict[tuple[str, int], list[str]] = defaultdict(list)
        words = [word for word in known if _SHORTEST_PART <= len(word) <= _LONGEST and _is_plain(word)]
        for word in words:
            self._groups[word[0], len(word)].append(word)
        self._initials = sorted({initial for initial, _ in self._groups})[:_MOST_INITIALS]
        self._shortened: Mapping[str, Sequence[str]] | None = None
        self._forward = sorted(words)
        self._backward = sorted(word[::-1] for word in words)

    def near(self, word: str, most: int = 3) -> list[str]:
        """Known words that `word` may be a slip of: those with the fewest slips, the usual ones first."""
        allowed = 2 if len(word) >= _TWO else int(len(word) >= _ONE)
        if not (allowed and len(word) <= _LONGEST and _is_plain(word)):
            return []
        for slips in range(1, allowed + 1):
            found = set(self._within(word, slips))
            if slips == 1:
                found.update(self._other_beginnings(word))
            if found - {word}:
                return self._usual(found - {word}, most)
        return []

    def shortened(self, word: str, most: int = 3) -> list[str]:
        """Known words that `word` of three to eight letters may be short for, the usual ones first."""
        if not (_SHORTEST_SHORT <= len(word) <= _TWO and word.isascii() and word.isalpha()):
            return []
        if self._shortened is None:
            self._shortened = _shortenings(self._known)
        found = {one for one in self._shortened.get(word, ()) if one != word}
        return self._usual(found, most)

    def forms(self, written: str, most: int = 3) -> list[str]:
        """Known stems of which `written` is a form with one slip in it at most: "activaton" of "activ"."""
        if not (_TWO <= len(written) <= _LONGEST and _is_plain(written)):
            return []
        stems = [stem for stem in _starting(self._forward, written[:3]) if len(stem) < len(written) + 2]
        forms = {f"{stem}{ending}": stem for stem in stems for ending in _ENDINGS if len(stem) >= _ONE}
        near = process.extract_iter(written, list(forms), scorer=OSA.distance, score_cutoff=1)
        return self._usual({forms[form] for form, _, _ in near}, most)

    def parts(self, word: str) -> tuple[str, str] | None:
        """The two known words that `word` is made of, with a linking letter between them or none."""
        if len(word) < _SHORTEST_COMPOUND or len(word) > _LONGEST or not _is_plain(word):
            return None
        cuts = (
            (word[:at].removesuffix(link), word[at:])
            for at in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1)
            for link in _LINKS
            if word[:at].endswith(link)
        )
        whole = [cut for cut in cuts if min(map(len, cut)) >= _SHORTEST_PART and all(map(self._known.get, cut))]
        return max(whole, key=lambda cut: min(map(self._frequency, cut)), default=None)

    def compounds(self, word: str, most: int = 6) -> list[str]:
        """Known compounds that begin or end with `word`, the usual ones first."""
        if len(word) < _SHORTEST_PART or not _is_plain(word):
            return []
        begin = _starting(self._forward, word)
        end = (found[::-1] for found in _starting(self._backward, word[::-1]))
        return self._usual({one for one in (*begin, *end) if len(one) >= len(word) + _SHORTEST_PART - 1}, most)

    def _within(self, word: str, slips: int) -> Iterator[str]:
        for length in range(len(word) - slips, len(word) + slips + 1):
            group = self._groups.get((word[0], length), ())
            for found, _, _ in process.extract_iter(word, group, scorer=OSA.distance, score_cutoff=slips):
                yield found

    def _other_beginnings(self, word: str) -> Iterator[str]:
        """Known words that differ at the beginning alone."""
        rest = word[1:]
        tries = [rest, word[1] + word[0] + word[2:]]
        tries += [initial + end for initial in self._initials for end in (rest, word)]
        return (one for one in tries if one in self._known)

    def _usual(self, found: set[str], most: int) -> list[str]:
        """Those that are not much rarer than the most usual one: rare ones are often slips themselves."""
        usual = sorted(found, key=lambda word: (-self._frequency(word), word))
        least = _AS_USUAL * self._frequency(usual[0]) if usual else 0
        return [word for word in usual if self._frequency(word) >= least][:most]

    def _frequency(self, word: str) -> int:
        return self._known.get(word, 0)


def _shortenings(known: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Words by how they are written short."""
    found: dict[str, list[str]] = defaultdict(list)
    for word in known:
        if _SHORTEST_SHORT < len(word) <= _LONGEST_SHORT and word.isascii() and word.isalpha():
            silent = [word[1:]] if word.startswith(_SILENT) else []
            for short in dict.fromkeys((word[0] + _VOWEL.sub("", word[1:]), _DOUBLE.sub(r"\1", word), *silent)):
                found[short].append(word)
    return found


def _is_plain(word: str) -> bool:
    return word.isalpha() and word[0] < "\u0e00"


def _starting(ordered: Sequence[str], beginning: str) -> Sequence[str]:
    return ordered[bisect_left(ordered, beginning) : bisect_left(ordered, beginning + _LAST)]
