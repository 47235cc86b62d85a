"""From text to the terms that are indexed, searched and compared: one analysis for the whole house.

A term holds letters and digits only, case-folded. Words of languages that write spaces are stemmed (Snowball) and
lose their accents; runs of Chinese, Japanese, Korean and Thai become overlapping pairs of characters, because they
do not mark where a word ends; a token with marks inside ("E-1042", "19.90", "next-day") gives itself without the
marks and its parts. The same text and language always give the same terms.
"""

from __future__ import annotations

import re
import threading
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

_CJK = (
    "\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff\u0e00-\u0e7f\u0e80-\u0eff\u1780-\u17ff\u1000-\u109f"
)
_TOKEN = re.compile(rf"(?P<run>[{_CJK}]+)|(?P<word>[^\W_{_CJK}]+(?:[-'’.,_/&+][^\W_{_CJK}]+)*)")
_PART = re.compile(r"[^\W_]+")
_ELISION = re.compile(r"^(?:[cdjlmnst]|qu|dell|all|nell|sull|dall|un)['’](?=\w{2})")
_POSSESSIVE = re.compile(r"['’]s$")
_LATIN = re.compile(r"[a-z]")
_ARABIC_MARKS = re.compile("[\u0610-\u061a\u064b-\u065f\u0670\u0640]")

_STEMMERS: Mapping[str, str] = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hi": "hindi",
    "hu": "hungarian",
    "id": "indonesian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}
_SCRIPT_STEMMER: tuple[tuple[str, str, str], ...] = (
    ("\u0370", "\u03ff", "el"),
    ("\u0400", "\u04ff", "ru"),
    ("\u0600", "\u06ff", "ar"),
    ("\u0900", "\u097f", "hi"),
)
_OWN_SCRIPT = frozenset(language for _, _, language in _SCRIPT_STEMMER)
_LONGEST_WORD = 64
"""Longer tokens (keys, base64, hostile input) are cut: a stemmer's time grows with its word."""


def _read_words() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "stop_words.toml").read_text("utf-8"))


_WORDS = _read_words()
STOP_WORDS: Mapping[str, frozenset[str]] = {
    language: frozenset(words.replace("’", "'").split()) for language, words in _WORDS.items() if language != "keep"
}
"""Words that carry grammar rather than a subject, by language, as they are written (not stemmed)."""


def terms(text: str, language: str = "") -> list[str]:
    """The terms of `text`, in order, with repetitions. `language` chooses the stemmer of words in Latin letters.

    Without a language, or with one that is not written in Latin letters, those are stemmed as English. Stop words
    stay in: a ranking that counts rarity needs no list.
    """
    return [term for kind, token in _tokens(text) for term in _terms_of(kind, token, language)]


def content_terms(text: str, language: str = "") -> list[str]:
    """The terms of `text` that carry its subject: stop words are gone (English's too, in every Latin language).

    In a run of Chinese or Japanese the stop words are cut out before pairs are made; one character that is left
    alone between them is a term of its own.
    """
    stop = STOP_WORDS.get(language, frozenset()) | (STOP_WORDS["en"] if not language else frozenset())
    found: list[str] = []
    for kind, token in _tokens(text):
        if kind == "run":
            for rest in content_runs(token):
                found += _pairs(rest)
        elif token.replace("’", "'") not in stop:
            parts = _terms_of(kind, token, language)
            found += parts if len(parts) == 1 else [part for part in parts if part not in stop]
    return found


def content_runs(run: str) -> list[str]:
    """What is left of a run of Chinese or Japanese when its stop words are cut out.

    >>> content_runs("你们的退货政策是什么")
    ['退货政策']
    """
    return [match.group() for match in _content_pattern().finditer(run) if match.lastgroup == "rest"] if run else []


def content_from(run: str, at: int) -> tuple[int, int]:
    """Where in `run`, from `at` on, the first piece without stop words begins and ends; twice its end for none.

    No further than `_LONGEST_WORD` characters are looked at, so that going through a run takes time in proportion.
    """
    while at < len(run) and (match := _content_pattern().match(run, at, at + _LONGEST_WORD)):
        if match.lastgroup == "rest":
            return match.span()
        at = match.end()
    return len(run), len(run)


def bare_form(word: str) -> str:
    """A word as it is written, case-folded, without accents and without the marks around it."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(character for character in plain if character.isalnum())


def is_dense(term: str) -> bool:
    """Whether a term is of a script without spaces (or one that is stemmed in no language)."""
    return term[0] >= "\u0e00" and not "\u1e00" <= term[0] <= "\u1fff"


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """("run" | "word", token), normalised (NFKC) and case-folded."""
    normal = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    for match in _TOKEN.finditer(normal):
        yield (match.lastgroup or "", match.group())


def _terms_of(kind: str, token: str, language: str) -> list[str]:
    return _pairs(token) if kind == "run" else list(_word_terms(token[:_LONGEST_WORD], language))


def _pairs(run: str) -> list[str]:
    return [run] if len(run) == 1 else [run[at : at + 2] for at in range(len(run) - 1)]


@lru_cache(maxsize=65_536)
def _word_terms(token: str, language: str) -> tuple[str, ...]:
    token = _POSSESSIVE.sub("", _ELISION.sub("", token)) or token
    if "'" in token or "’" in token:
        token = token.replace("'", "").replace("’", "")
    parts = _PART.findall(token)
    if len(parts) == 1:
        return (_stem(parts[0], language),)
    whole = "".join(parts)
    return (_stem(whole, language), *(_stem(part, language) for part in parts))


def _stem(word: str, language: str) -> str:
    """The word's stem without accents; a word with a digit in it stays as it is."""
    if any(character.isdigit() for character in word):
        return word
    word = _ARABIC_MARKS.sub("", word)
    return _bare_stem(word, _stemmer_language(word, language))


@lru_cache(maxsize=65_536)
def _bare_stem(word: str, stemmer: str) -> str:
    """Kept by the stemmer: English words in Chinese, Arabic and English texts are stemmed once."""
    stem = _stem_with(stemmer, word)
    plain = unicodedata.normalize("NFKD", stem)
    bare = "".join(character for character in plain if not unicodedata.combining(character))
    return unicodedata.normalize("NFKC", bare) or word


def _stemmer_language(word: str, language: str) -> str:
    for first, last, own in _SCRIPT_STEMMER:
        if first <= word[:1] <= last:
            return language if own == "ru" and language in _STEMMERS and language not in _OWN_SCRIPT else own
    if language in _STEMMERS and language not in _OWN_SCRIPT:
        return language
    return "en" if _LATIN.search(word) else ""


_stemmers: dict[str, Any] = {}
_stemming = threading.Lock()


def _stem_with(language: str, word: str) -> str:
    """Snowball's stemmers keep their state in themselves, so one thread at a time uses them."""
    if not language:
        return word
    with _stemming:
        if language not in _stemmers:
            import snowballstemmer

            _stemmers[language] = snowballstemmer.stemmer(_STEMMERS[language])
        return str(_stemmers[language].stemWord(word))


@lru_cache(maxsize=1)
def _content_pattern() -> re.Pattern[str]:
    keep = {word for words in _WORDS["keep"].values() for word in words.split()}
    stop = {word for language in ("zh", "ja") for word in STOP_WORDS[language]} - keep

    def longest_first(words: set[str]) -> str:
        return "|".join(sorted(map(re.escape, words), key=len, reverse=True))

    kept, stopped = longest_first(keep), longest_first(stop)
    return re.compile(rf"(?P<rest>(?:{kept}|(?!{stopped}).)+)|(?P<stop>{stopped})", re.DOTALL)
