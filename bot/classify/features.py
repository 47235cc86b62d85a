"""What a text is to a classifier: its words, and runs of letters, in any script. Pure.

Words carry what is meant, runs of letters what words have in common ("enttäuscht", "Enttäuschung") and what spelling
leaves of them. Of Chinese and the like each character is a word, and a run goes over several.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby

LONGEST = 20_000
"""Characters of a text that are read: its beginning."""
_SHORTEST_RUN, _LONGEST_RUN = 2, 4
_DENSE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_DENSE}]|[^\W\d_{_DENSE}]+|[!?]+|[\U0001f300-\U0001faff\u2600-\u27bf]")
"""Numbers are left out: they name things, and are no tone and no topic."""
_WRITTEN_ALONE = re.compile(f"[{_DENSE}]")
_SPELLINGS = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ى": "ي", "ة": "ه", "ـ": None})
"""Arabic letters that people write for one another, made one as light stemming does: L. S. Larkey, L. Ballesteros and
M. E. Connell, Light Stemming for Arabic Information Retrieval, in Arabic Computational Morphology (2007)."""


def words(text: str) -> list[str]:
    """Words, marks that exclaim or ask, and pictures of faces, in their order."""
    known = unicodedata.normalize("NFKC", text[:LONGEST]).casefold().translate(_SPELLINGS)
    return _WORD.findall("".join(one for one in known if not unicodedata.combining(one)))


def runs(text: str) -> list[str]:
    """Runs of 2 to 4 characters within words; a word's edge is a space."""
    return [run for stretch in _stretches(text) for run in _runs(f" {stretch} ")]


FEATURES: Mapping[str, Callable[[str], list[str]]] = {"words": words, "runs": runs}
"""Each kind of feature, by its name in a file."""


def _stretches(text: str) -> Iterator[str]:
    """Words; those that are single characters because of their script stay together."""
    for dense, found in groupby(words(text), key=lambda word: _WRITTEN_ALONE.fullmatch(word) is not None):
        together = list(found)
        yield from ["".join(together)] if dense else together


def _runs(text: str) -> Iterator[str]:
    for length in range(_SHORTEST_RUN, _LONGEST_RUN + 1):
        for start in range(len(text) - length + 1):
            yield text[start : start + length]
