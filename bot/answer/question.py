"""A question as what it asks about (features, each with a weight) and what it waits for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bot.answer.dates import undated
from bot.answer.dense import dense_features
from bot.answer.expect import IMPLIED, Expectation, expectations
from bot.answer.feature import CODE, EXACT_CODE, IMPLICIT, NUMBER, STRONG, WEAK, Feature, weak_words
from bot.answer.figures import arabic, same_amount
from bot.answer.lexicon import COMPOUNDING, DENSE, NOTHING, Entry, english, parts, spans
from bot.answer.meaning import Meaning, plain_text
from bot.answer.ranges import aged_out
from bot.answer.spelt import spelt
from bot.colloquial import written
from bot.homophones import Written, corrected
from bot.terms import STOP_WORDS, terms
from bot.thesaurus import EVERYDAY

ASIDE = 0.5
"""What a word weighs, beside its usual weight, in a clause that asks nothing when another clause does."""

BEFORE = 0.25
"""The same for what was said before the question, in another of the same message."""

_TOKEN = re.compile(r"[^\W_]+(?:[-'’.,_/&+][^\W_]+)*")
_RUN = re.compile(r"[\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_CLAUSE = re.compile(r"[^,;:.!?，；。！？：؟،؛]+(?:(?<=\d)[.,:](?=\d)[^,;:.!?，；。！？：؟،؛]+)*[?？؟]?")
_ONE_OF = re.compile("一(?=[个下样点些般直起旦共会件台款只条张份次箱包瓶盒袋套双本支辆趟](?!月|小时|星期|工作日|钟))")
"""The numeral that only goes with a noun, as an article does."""

_UNIT = re.compile(
    r"(?P<number>\d+(?:[.,]\d+)?)\s?(?P<unit>个月|个?小时|个?星期|个?工作日|分钟|周岁|公里|公斤|平方米|毫米|厘米|毫升|摄氏度|元|块钱?|[天年月周岁日号点秒米升度瓦寸折斤克])"
)
_MOST = 40


@dataclass(frozen=True, slots=True)
class Question:
    """A question, understood. `wanted` may be empty, `features` too ("and?")."""

    text: str
    language: str
    features: tuple[Feature, ...]
    wanted: tuple[Expectation, ...]

    @property
    def weight(self) -> float:
        return sum(feature.weight for feature in self.features)

    @property
    def names_something(self) -> bool:
        """Whether it says what it is about, beyond the price that it asks for."""
        prices = frozenset(IMPLIED.values())
        return any(
            one.weight >= STRONG
            and not any(name in prices or name.rpartition(":")[2] in prices for name in one.classes)
            for one in self.features
        )

    def waits_for(self, kind: str) -> bool:
        return any(expectation.kind == kind for expectation in self.wanted)


def understand(
    text: str, language: str, languages: Iterable[str], known: Sequence[Meaning], *, name: str = "", before: str = ""
) -> Question:
    """Read a question. `languages` are those of the texts that may answer it, `known` what those texts say.

    `name` is whose desk this is: a word of it says little there. What was said `before` in the message counts less.
    """
    text = spelt(text, language, known)
    text = heard(written(text), known) if language == "zh" else text
    wanted = expectations(text, language)
    ages, rest = aged_out(text)
    spoken = sorted({language, *languages})
    features: list[Feature] = []
    for clause, share in _clauses(undated(arabic(_ONE_OF.sub("", plain_text(rest)))), language):
        found = _features(clause, language, spoken, known)
        features += [replace(feature, weight=feature.weight * share) for feature in found]
    features += [Feature(terms=frozenset({age.split()[0]}), measure=age, weight=NUMBER) for age in ages]
    if before:
        told = _features(undated(arabic(plain_text(spelt(before, language, known)))), language, spoken, known)
        answered = {*IMPLIED.values(), *(wanted.kind for wanted in expectations(before, language))}
        told = (feature for feature in told if not feature.classes & answered)
        features += [replace(feature, weight=feature.weight * BEFORE) for feature in told]
    ours = frozenset(terms(name, language))
    merged = [replace(one, weight=min(one.weight, WEAK)) if one.terms & ours else one for one in _merged(features)]
    for expectation in wanted:
        implied = IMPLIED.get(expectation.kind)
        if implied and not any(implied in feature.classes for feature in merged):
            merged.append(Feature(classes=frozenset({implied}), weight=IMPLICIT))
    return Question(text, language, tuple(merged[:_MOST]), wanted)


def heard(text: str, known: Sequence[Meaning]) -> str:
    """A Chinese question with the characters that sound like those which were typed, where only these are known."""
    pairs = {term for one in known for term in one.terms if len(term) == 2 and _RUN.match(term)}
    return corrected(text, Written(pairs, lambda: {character for pair in pairs for character in pair}))


def _clauses(plain: str, language: str) -> list[tuple[str, float]]:
    """The clauses with their shares: those that only tell something beside a question weigh less."""
    found = [match.group() for match in _CLAUSE.finditer(plain)]
    asking = [bool(clause.endswith(("?", "？", "؟")) or expectations(clause, language)) for clause in found]
    if not any(asking):
        return [(plain, 1.0)]
    return [(clause, 1.0 if asks else ASIDE) for clause, asks in zip(found, asking, strict=True)]


def _features(clause: str, language: str, languages: Sequence[str], known: Sequence[Meaning]) -> Iterator[Feature]:
    for match in _UNIT.finditer(clause):
        amount = match["number"] + match["unit"]
        yield Feature(terms=frozenset((match["number"],)), text=amount, phrase=same_amount(amount), weight=NUMBER)
    clause = _UNIT.sub(" ", clause)
    for match in _RUN.finditer(clause):
        yield from dense_features(match.group(), known)
    yield from _word_features(_RUN.sub(" ", clause), language, languages, known)


def _word_features(plain: str, language: str, languages: Sequence[str], known: Sequence[Meaning]) -> Iterator[Feature]:
    own = language if language not in DENSE else "en"
    tokens = [match.group() for match in _TOKEN.finditer(plain)]
    stems = [(terms(token, own) or [token])[0] for token in tokens]
    listed = {begin: (end, entry) for begin, end, entry in spans(stems, own)}
    stop, at = STOP_WORDS.get(own, frozenset()), 0
    while at < len(tokens):
        end, entry = listed.get(at, (at + 1, NOTHING))
        if end > at + 1:
            content = [one for one in range(at, end) if tokens[one].replace("’", "'") not in stop]
            within = tuple(_word(tokens[one], _alone(stems[one], own), own, languages, known) for one in content)
            weight = STRONG if content else WEAK
            phrase = " ".join(tokens[at:end])
            glosses = english(entry.classes) if "zh" in languages else frozenset()
            yield Feature(
                classes=entry.classes,
                near=entry.near,
                wider=entry.wider,
                phrase=phrase,
                weight=weight,
                glosses=glosses,
                parts=within if len(within) > 1 else (),
            )
        elif tokens[at].replace("’", "'") not in stop:
            after = tokens[at + 1] if at + 1 < len(tokens) else ""
            if _numbered(tokens[at], after, plain, known) and not (entry.near or entry.wider):
                yield _numbered_feature(tokens[at], after, own, languages, entry)
                end += 1
            else:
                yield _word(tokens[at], entry, own, languages, known)
        at = end


def _alone(stem: str, language: str) -> Entry:
    """What a word of a phrase means by itself."""
    return next((entry for _, _, entry in spans((stem,), language)), NOTHING)


def _numbered(token: str, after: str, plain: str, known: Sequence[Meaning]) -> bool:
    """Whether a word and the number after it are one name, such as "Drift 5" or "step 3": a text numbers that word."""
    together = (
        token.isalpha() and len(token) > 1 and after.isdigit() and len(after) <= 4 and f"{token} {after}" in plain
    )
    return together and any(re.search(rf"\b{token}[\s-]{{0,3}}\d", other.plain) for other in known)


def _numbered_feature(token: str, number: str, own: str, languages: Sequence[str], entry: Entry) -> Feature:
    stems = frozenset(term for language in {own, *languages} for term in terms(token, language)[:1])
    return Feature(head=stems, number=number, classes=frozenset(), near=entry.near, wider=entry.wider, weight=CODE)


def _word(token: str, entry: Entry, own: str, languages: Sequence[str], known: Sequence[Meaning]) -> Feature:
    found = {term for language in {own, *languages} for term in terms(token, language)[:1]}
    digits = any(character.isdigit() for character in token)
    if digits:
        weight = NUMBER if token[0].isdigit() else EXACT_CODE if any(found & other.terms for other in known) else CODE
    else:
        weight = WEAK if entry is NOTHING and (found & weak_words(own) or _is_adverb(token, own)) else STRONG
    if not digits and len(token) >= 5 and not any(found & other.terms for other in known):
        found |= _near(token, own, known)
    if not digits and own in COMPOUNDING and all(name.startswith(EVERYDAY) for name in entry.classes):
        entry |= parts(token, own)
    glosses = english(entry.classes | entry.wider) if "zh" in languages else frozenset()
    if "zh" in languages and own == "en":
        glosses |= {frozenset(terms(token, "en")[:1])}
    return Feature(
        terms=frozenset(found),
        classes=entry.classes,
        near=entry.near,
        wider=entry.wider,
        weight=weight,
        glosses=glosses,
    )


def _is_adverb(token: str, language: str) -> bool:
    """Whether a word says how rather than what: English ones mostly end in -ly."""
    return language == "en" and len(token) > 6 and token.endswith(("ally", "erly", "ently", "antly", "ively", "ously"))


def _merged(features: Iterable[Feature]) -> list[Feature]:
    """Each thing once, with the highest of its weights: features of the same classes or the same terms are one."""
    found: dict[object, Feature] = {}
    for feature in features:
        key = feature.classes or (feature.terms, feature.text, feature.head, feature.number)
        if key not in found or found[key].weight < feature.weight:
            found[key] = feature
    return list(found.values())


def _near(token: str, language: str, known: Sequence[Meaning]) -> set[str]:
    """Terms of the known texts that are one slip of the keyboard away from a word that nobody wrote."""
    stem = (terms(token, language) or [token])[0]
    every = frozenset().union(*(other.terms for other in known))
    return {term for term in every if abs(len(term) - len(stem)) <= 1 and len(term) >= 5 and _one_slip(stem, term)}


def _one_slip(one: str, other: str) -> bool:
    """One letter more, less or other, or two exchanged (Damerau's four slips); the first letter is right."""
    if one[:1] != other[:1] or not (one.isalpha() and other.isalpha()):
        return False
    short, long = sorted((one, other), key=len)
    at = next((place for place, letter in enumerate(short) if letter != long[place]), len(short))
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    return short[at + 1 :] == long[at + 1 :] or (
        short[at : at + 2] == long[at : at + 2][::-1] and short[at + 2 :] == long[at + 2 :]
    )
