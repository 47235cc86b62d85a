"""Which language a message is in, the same each time.

Scripts decide first: Chinese characters without kana are Chinese, hangul is Korean. Where one script serves several
languages, three kinds of evidence are added as log-odds: langdetect's letter statistics (with a seed of their own and
profiles in a fixed order, so that the same text has the same answer on every machine), short frequent words, and the
language that was expected anyway, which is the conversation's own, or the channel's hint, or the default. So a short or
mixed message keeps the conversation's language and a clear sentence in another one changes it. A language that nothing
speaks for, neither what was expected nor the knowledge, needs words of its own, more than those have, or a long
text: letters alone make Danish of a short English question.
"""

from __future__ import annotations

import math
import re
import threading
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from bot.config import LanguageConfig
from bot.terms import STOP_WORDS

LONGEST = 600
"""So many characters of a message are looked at: more tell nothing new and cost time."""

SHORT = 20
"""Letters from which on the letter statistics have their full weight."""

WORD_WEIGHT = 3.0
"""What a word that belongs to one language alone adds, in natural log-odds."""

CERTAIN_WORDS = 3.0
"""So many words that belong to one language alone, and at most a third as many of any other, leave no doubt."""

PRIOR_WEIGHT, HINT_WEIGHT, DEFAULT_WEIGHT = 4.0, 2.0, 1.0
"""What being expected adds: the conversation's language, the channel's hint, the configured default."""

KNOWN_WEIGHT = 1.0
"""What it adds that the knowledge is in a language."""

LONG = 60
"""Letters from which on they alone may say that a text is in a language that nothing else speaks for."""

RUN_WEIGHT = 3
"""A Chinese character says as much as so many letters."""

_EVERYWHERE = frozenset({"ok", "okay", "hi", "bye", "e", "a", "i", "o", "no"})
_FLOOR = 0.002
_EVERYBODYS = "en"
_FOREIGN = 0.01
_SEED = 20_261_122

_COMMON = frozenset(["ar", "de", "en", "es", "fr", "it", "nl", "pt", "ru"])
_USUAL = frozenset(["bg", "cs", "da", "fa", "fi", "hi", "hu", "id", "no", "pl", "ro", "sv", "tr", "uk", "ur", "vi"])
_RARE = frozenset(["af", "ca", "cy", "et", "hr", "lt", "lv", "mk", "mr", "ne", "sk", "sl", "so", "sq", "sw", "tl"])
_RARE_WEIGHT = 0.003

_BLOCKS: tuple[tuple[int, int, str], ...] = (
    (0x0041, 0x024F, "latin"),
    (0x0370, 0x03FF, "el"),
    (0x0400, 0x052F, "cyrillic"),
    (0x0530, 0x058F, "hy"),
    (0x0590, 0x05FF, "he"),
    (0x0600, 0x077F, "arabic"),
    (0x0900, 0x097F, "devanagari"),
    (0x0980, 0x09FF, "bn"),
    (0x0A00, 0x0A7F, "pa"),
    (0x0A80, 0x0AFF, "gu"),
    (0x0B80, 0x0BFF, "ta"),
    (0x0C00, 0x0C7F, "te"),
    (0x0C80, 0x0CFF, "kn"),
    (0x0D00, 0x0D7F, "ml"),
    (0x0E00, 0x0E7F, "th"),
    (0x10A0, 0x10FF, "ka"),
    (0x1E00, 0x1EFF, "latin"),
    (0x3040, 0x30FF, "ja"),
    (0x3400, 0x9FFF, "zh"),
    (0xAC00, 0xD7AF, "ko"),
    (0xF900, 0xFAFF, "zh"),
    (0x20000, 0x3FFFF, "zh"),
)
_SCRIPT_LANGUAGES: Mapping[str, frozenset[str]] = {
    "cyrillic": frozenset(["bg", "mk", "ru", "uk"]),
    "arabic": frozenset(["ar", "fa", "ur"]),
    "devanagari": frozenset(["hi", "mr", "ne"]),
}
_OTHER_SCRIPTS = frozenset().union(*_SCRIPT_LANGUAGES.values())
_ONE_LANGUAGE = frozenset(name for _, _, name in _BLOCKS if len(name) == 2)

_INK = "[^\\s\u0e00-\u0eff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]"
"""What goes on with a code or an address: neither white space nor a script that does without it."""
_NOISE = re.compile(
    rf"```.*?(?:```|\Z)|`[^`\n]*`|(?:https?://|www\.){_INK}+|{_INK}+@{_INK}+|[@#]\w+"
    rf"|{_INK}*[\d_/\\{{}}<>=|~^]{_INK}*",
    re.DOTALL,
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


class Languages:
    """Detects languages. One instance serves every thread; the profiles load at the first text that needs them.

    `known` gives the languages of the knowledge, as far as they are known at the moment.
    """

    def __init__(self, config: LanguageConfig, *, known: Callable[[], Collection[str]] = frozenset) -> None:
        self._known = known
        self._fixed = normal_code(config.fixed)
        self._default = normal_code(config.default) or "en"
        self._loading = threading.Lock()
        self._factory: Any = None

    def detect(self, text: str, *, prior: str = "", hint: str = "") -> str:
        """The language of `text` as an ISO 639-1 code.

        `prior` is the conversation's language so far, `hint` what the channel knows of the visitor; both may be ""
        or carry a region ("de-AT"). Text that tells nothing (a number, a link, "ok") gets what was expected.
        """
        if self._fixed:
            return self._fixed
        expected, weight = self._expected(prior, hint)
        text = _NOISE.sub(" ", unicodedata.normalize("NFC", text[:LONGEST]))
        script = _main_script(text)
        if not script:
            return expected
        if script in _ONE_LANGUAGE:
            return "ja" if script == "zh" and expected == "ja" and _only_han_is_usual(text) else script
        known = self._known()
        spoken = {expected, self._default, normal_code(prior), normal_code(hint), _EVERYBODYS, *known}
        scores = self._scores(text, script, spoken)
        foreign = expected not in scores
        share = min(1.0, sum(map(str.isalpha, text)) / SHORT)
        scores[expected] = scores.get(expected, share * math.log(_FOREIGN)) + weight
        for language in scores.keys() & {*known} - {expected}:
            scores[language] += KNOWN_WEIGHT
        if foreign and script != "latin":
            del scores[expected]
        return max(sorted(scores), key=scores.__getitem__)

    def _expected(self, prior: str, hint: str) -> tuple[str, float]:
        for code, weight in ((normal_code(prior), PRIOR_WEIGHT), (normal_code(hint), HINT_WEIGHT)):
            if code:
                return code, weight
        return self._default, DEFAULT_WEIGHT

    def _scores(self, text: str, script: str, spoken: Collection[str]) -> dict[str, float]:
        """Log-odds by language, from letter statistics and words; nothing yet of what was expected.

        Of a short text in Latin letters only languages that are `spoken` here, or whose words it has more of.
        """
        letters = sum(map(str.isalpha, text))
        trust = min(1.0, letters / SHORT)
        allowed = _SCRIPT_LANGUAGES.get(script)
        evidence = {} if allowed else _word_evidence(text)
        least = max((evidence.get(language, 0.0) for language in spoken), default=0.0)
        if sure := _plain_from_words(evidence):
            return {sure: WORD_WEIGHT * evidence[sure]}
        probabilities = {
            language: probability
            for language, probability in self._probabilities(" ".join(_WORD.findall(text))).items()
            if (language in allowed if allowed else language not in _OTHER_SCRIPTS)
            and (allowed or letters >= LONG or language in spoken or evidence.get(language, 0.0) > least)
        }
        scores = {
            language: trust * math.log(max(probability, _FLOOR)) + (1 - trust) * math.log(_commonness(language))
            for language, probability in probabilities.items()
        }
        if not allowed:
            for language, share in evidence.items():
                if language in scores:
                    scores[language] += WORD_WEIGHT * share
        return scores

    def _probabilities(self, text: str) -> dict[str, float]:
        """langdetect's probabilities; every language it knows has one. Equal ones when it finds no letters it knows."""
        from langdetect.lang_detect_exception import LangDetectException

        factory = self._profiles()
        detector = factory.create()
        detector.set_prior_map({language: _commonness(language) for language in factory.langlist})
        detector.ITERATION_LIMIT = 250  # hostile text never converges: this bounds it to milliseconds
        detector.append(text.lower() if text.isupper() else text)
        try:
            detector.get_probabilities()
        except LangDetectException:
            return {language: _commonness(language) for language in factory.langlist}
        return dict(zip(factory.langlist, detector.langprob, strict=True))

    def _profiles(self) -> Any:
        with self._loading:
            if self._factory is None:
                self._factory = _load_profiles()
            return self._factory


def normal_code(code: str) -> str:
    """A language tag as this house writes it: "zh-CN" and "zh_tw" -> "zh", "nb" -> "no", "" for what is none."""
    first = re.split(r"[-_]", code.strip().lower(), maxsplit=1)[0]
    first = {"nb": "no", "nn": "no", "iw": "he", "in": "id", "cmn": "zh", "yue": "zh"}.get(first, first)
    return first if re.fullmatch(r"[a-z]{2,3}", first) else ""


def _load_profiles() -> Any:
    """A langdetect factory of the languages that share a script, in the order of their names.

    Languages with a script of their own need no statistics; leaving them out saves most of the memory.
    """
    import langdetect
    from langdetect.detector_factory import DetectorFactory

    folder = Path(langdetect.__file__).parent / "profiles"
    names = sorted(file.name for file in folder.iterdir() if file.name in _COMMON | _USUAL | _RARE)
    factory = DetectorFactory()
    factory.load_json_profile([(folder / name).read_text("utf-8") for name in names])
    factory.set_seed(_SEED)
    return factory


def _commonness(language: str) -> float:
    if language in _COMMON:
        return 1.0
    return 0.3 if language in _USUAL else _RARE_WEIGHT


def _main_script(text: str) -> str:
    """The script (or the language, where a script has one) that most of `text` is in; "" without letters.

    Beside another script, Latin words that begin with a capital are names and count for nothing.
    """
    counts = Counter(script for character in text if (script := _script(character)))
    if not counts:
        return ""
    if counts["ja"] and counts["ja"] * 5 >= counts["zh"]:
        counts["ja"] += counts.pop("zh", 0)
    if len(counts) > 1 and counts["latin"]:
        counts["latin"] = sum(
            len(word) for word in _WORD.findall(text) if _script(word[0]) == "latin" and word[0].islower()
        )
    for dense in ("zh", "ja", "ko"):
        counts[dense] *= RUN_WEIGHT
    return max(sorted(counts), key=counts.__getitem__)


@lru_cache(maxsize=8_192)
def _script(character: str) -> str:
    if not character.isalpha():
        return ""
    point = ord(character)
    return next((name for first, last, name in _BLOCKS if first <= point <= last), "")


def _only_han_is_usual(text: str) -> bool:
    """Whether a text in Chinese characters is so short that it may as well be Japanese ("送料", "返品")."""
    return sum(map(str.isalpha, text)) <= 4


def _word_evidence(text: str) -> dict[str, float]:
    """How many of the words belong to each language; a word of several is shared out among them."""
    words, letters = _evidence()
    found: dict[str, float] = {}
    for owners in (*(words.get(word, ()) for word in _spellings(text)), *(letters.get(c, ()) for c in set(text))):
        for language in owners:
            found[language] = found.get(language, 0.0) + 1 / len(owners)
    return found


def _plain_from_words(evidence: Mapping[str, float]) -> str:
    """The language when its grammar words leave no doubt; letter statistics, which cost milliseconds, are spared."""
    ranked = sorted(evidence.items(), key=lambda found: -found[1])[:2]
    if not ranked or ranked[0][1] < CERTAIN_WORDS or (len(ranked) > 1 and ranked[1][1] * 3 > ranked[0][1]):
        return ""
    return ranked[0][0]


def _spellings(text: str) -> Iterator[str]:
    for match in _WORD.finditer(text.casefold()):
        word = match.group().replace("’", "'")
        yield word
        if "'" in word:
            yield word.split("'", 1)[0]


@lru_cache(maxsize=1)
def _evidence() -> tuple[Mapping[str, Sequence[str]], Mapping[str, Sequence[str]]]:
    file = tomllib.loads((Path(__file__).parent / "language_words.toml").read_text("utf-8"))
    owners: dict[str, list[str]] = {}
    for language in sorted({*file["words"], *STOP_WORDS} - _OTHER_SCRIPTS - _ONE_LANGUAGE):
        words = {*file["words"].get(language, "").split(), *STOP_WORDS.get(language, ())}
        for word in {word.casefold() for word in words} - _EVERYWHERE:
            owners.setdefault(word, []).append(language)
    return owners, {letter: [language] for letter, language in file["letters"].items()}
