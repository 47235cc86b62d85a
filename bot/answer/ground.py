"""Holds a model's answer against its sources: what they do not carry must not be said in their name.

A sentence is held by a source when the source has its numbers and its names, speaks of most of what it speaks of, and
does not say the opposite. That finds wrong amounts, dates and names reliably, and inverted rules where they are told in
similar words; a subtle misreading it does not find, and it would rather reject a true sentence than pass a false one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from bot.answer.blocks import Listing, Paragraph, Table, blocks
from bot.answer.claims import CITED, Claim, claims, keeping, normalised, only
from bot.answer.expect import marked, without
from bot.answer.figures import unheld
from bot.answer.lexicon import DENSE
from bot.answer.meaning import Meaning, meaning, plain_text
from bot.events import Citation, Passage
from bot.explanation import Missing, Sentence
from bot.terms import STOP_WORDS, content_terms

OVERLAP = 0.55
"""The share of a sentence's content terms that its source has to speak of, itself or by a synonym."""

ALIKE = 0.6
"""From this overlap on a sentence and one of its source tell the same thing, so their negations must agree."""

GRAMMAR, _FEW_WORDS = 0.12, 6
"""The share of a sentence's words that only carry grammar, in a sentence of so many words."""

_HEAP, _VARIED = 24, 6
"""Of so many words in one sentence at least one in so many is another one, and not most are single letters."""

_LETTERS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")

_NEAREST = 3
"""Sources of which is told what they lack of a sentence that none holds."""

_NAME = re.compile(r"(?<=[\w,;:)”\"'’*] )[\"'“‘(*]*([A-ZÀ-Þ][\w&-]*[A-Za-zÀ-ÿ\d])")
_CODE = re.compile(
    r"\b(?=\w*\d)(?=\w*[A-Za-z])\w[\w-]*\b|\b[A-Z]{2,}\b|\b\w*[a-z][A-Z]\w*\b|(?<![^\s@])[^\s@]++@[^\s@.]++(?:\.[\w-]++)++|https?://\S+"
)
_CITATIONS = re.compile(r"([.!?。！？\"'”’»)*_]*[ \t]*)((?:\[\d{1,4}\][ \t]*?)+)([.!?。！？]*)")
_SCRIPTS = (
    (re.compile("[\u3040-\u30ff]"), "ja"),
    (re.compile("[\u4e00-\u9fff]"), "zh"),
    (re.compile("[\u0600-\u06ff]"), "ar"),
    (re.compile("[\u0400-\u04ff]"), "ru"),
)
_STEP = re.compile(r"^\s*\d{1,3}[.)、]\s+(?P<step>.*)$", re.MULTILINE)
_CAPITALS_ARE_NOUNS = frozenset({"de"})


@dataclass(frozen=True)
class Grounded:
    """An answer after it was checked. `text` names only sources that exist; `supported` says whether they carry it.

    `sentences` tell of each one which sources hold it, or what they lack of it.
    """

    text: str
    citations: tuple[Citation, ...]
    supported: bool
    sentences: tuple[Sentence, ...] = ()


def ground(text: str, passages: Sequence[Passage], asked: str = "") -> Grounded:
    """Check `text`, whose [n] name `passages` from 1 on. `asked` is the language to answer in: only into that one may
    a source be translated, since a translation can be compared by its figures and names alone ("": into any).

    False citations are dropped. A sentence that names the wrong source but is held by another is given that one's
    number; one whose source the answer names nowhere gets its number. Sentences that no source holds are left out
    where the answer is true without them: when the first that states something is held, at least as many are held as
    not, and no step of a numbered list would be missing.
    """
    sources = [_source(passage) for passage in passages]
    clean = only(normalised(text), range(1, len(passages) + 1)).strip()
    language = _language(clean, passages, asked)
    sources = [replace(source, translated=asked in ("", language)) for source in sources]
    found = claims(clean, language)
    told = [_checked(claim, sources, language) for claim in found]
    corrected = clean
    for claim, sentence in zip(found, told, strict=True):
        if claim.cited and sentence.sources and not set(claim.cited) & set(sentence.sources):
            corrected = _recite(corrected, claim, sentence.sources[0])
    false = frozenset(sentence.text for sentence in told if sentence.verdict == "not held")
    supported = not false or _true_without(clean, told, false)
    if supported:
        if false:
            corrected = keeping(corrected, language, lambda claim: claim.text not in false)
        corrected = _cited(corrected, told)
    return Grounded(corrected, _citations(corrected, passages), supported, tuple(told))


def _true_without(text: str, told: Sequence[Sentence], false: Collection[str]) -> bool:
    """Whether what is left without the false sentences still answers."""
    stated = [sentence.text not in false for sentence in told if sentence.verdict != "states nothing"]
    steps = [match["step"] for match in _STEP.finditer(CITED.sub("", text))]
    return stated[0] and 2 * sum(stated) >= len(stated) and not any(one in step for one in false for step in steps)


def _cited(text: str, told: Sequence[Sentence]) -> str:
    """`text` with the numbers of the sources that hold sentences of it and that it names nowhere."""
    for sentence in told:
        if not sentence.sources or set(sentence.sources) & {int(number) for number in CITED.findall(text)}:
            continue
        lines = text.split("\n")
        at = next((at for at, line in enumerate(lines) if sentence.text in line), len(lines) - 1)
        lines[at] += f" [{sentence.sources[0]}]"
        text = "\n".join(lines)
    return text


def _checked(claim: Claim, sources: Sequence[_Source], language: str) -> Sentence:
    told = Sentence(text=claim.text, cited=claim.cited, verdict="states nothing")
    if not claim.factual:
        return told
    holders = tuple(number for number, source in enumerate(sources, 1) if _holds(source, claim, language))
    if _heap(claim.text):
        return replace(told, verdict="not held")
    if holders or _held_together(sources, claim, language):
        return replace(told, verdict="held" if holders else "held together", sources=holders)
    asked = claim.cited or range(1, len(sources) + 1)
    missing = (_missing(number, sources[number - 1], claim, language) for number in asked)
    nearest = sorted(missing, key=lambda lacks: (len(lacks.numbers) + len(lacks.names), -lacks.overlap))
    return replace(told, verdict="not held", missing=tuple(nearest[:_NEAREST]))


def _missing(number: int, source: _Source, claim: Claim, language: str) -> Missing:
    same = source.language in ("", language)
    return Missing(
        source=number,
        numbers=tuple(f"{value:g}" for value in sorted(unheld(claim.text, source.plain))),
        names=tuple(sorted(_unnamed(claim.text, [source], language))),
        overlap=round(_overlap(claim.text, source.whole, language), 4) if same else 1.0,
        contradicts=_contradicts(source, claim, language),
    )


def _citations(text: str, passages: Sequence[Passage]) -> tuple[Citation, ...]:
    numbers = sorted({int(number) for number in CITED.findall(text)})
    return tuple(
        Citation(number=number, title=passages[number - 1].title, location=passages[number - 1].location)
        for number in numbers
    )


def _recite(text: str, claim: Claim, number: int) -> str:
    """`text` with the citations that follow one sentence replaced by [number]."""
    told = claim.text.rstrip(".!?。！？")
    at = text.find(told)
    cited = _CITATIONS.match(text, at + len(told)) if at >= 0 else None
    if not cited:
        return text
    changed = f"{cited[1]}[{number}]{cited[3]}"
    return text[: cited.start()] + changed + text[cited.end() :]


@dataclass(frozen=True, slots=True)
class _Source:
    """A passage as what it says: all of it, and line by line with its heading. `translated`: it may be told in the
    answer's language when that is not its own."""

    language: str
    plain: str
    whole: Meaning
    lines: tuple[tuple[Meaning, bool], ...]
    translated: bool = True


def _source(passage: Passage) -> _Source:
    return _read(passage.text, passage.title, passage.heading, passage.language)


@lru_cache(maxsize=512)
def _read(text: str, title: str, heading: tuple[str, ...], language: str) -> _Source:
    everything = "\n".join((title, *heading, text))
    above = " ".join(heading[-1:])
    lines = []
    for block in blocks(text):
        lead = block.label if isinstance(block, Paragraph) else block.lead
        for line in _lines(block):
            told = f"{lead} {line}" if lead else line
            negated = marked("negation", line, language) or (
                not isinstance(block, Paragraph) and marked("negation", f"{above} {lead}", language)
            )
            lines.append((meaning(told, language), negated))
    return _Source(language, plain_text(everything), meaning(everything, language), tuple(lines))


def _lines(block: Paragraph | Listing | Table) -> Sequence[str]:
    if isinstance(block, Paragraph):
        return block.sentences
    return block.items if isinstance(block, Listing) else tuple(" | ".join(row) for row in block.rows)


def _holds(source: _Source, claim: Claim, language: str) -> bool:
    if unheld(claim.text, source.plain) or _unnamed(claim.text, [source], language):
        return False
    if source.translated and source.language and source.language != language:
        return _readable(claim.text, language)  # a translation: beside its figures and names nothing can be compared
    return _overlap(claim.text, source.whole, language) >= OVERLAP and not _contradicts(source, claim, language)


def _readable(text: str, language: str) -> bool:
    """Whether a text is made of sentences of its language, of which some words only carry grammar: a heap of other
    words is no translation."""
    words = [word.lower().replace("’", "'") for word in _LETTERS.findall(text)]
    known = STOP_WORDS.get(language)
    if language in DENSE or not known or len(words) < _FEW_WORDS:
        return True
    return sum(word in known for word in words) >= GRAMMAR * len(words)


def _heap(text: str) -> bool:
    """Whether a text is one word over and over, or a row of letters: no sentence that a source could hold."""
    words = [word.lower() for word in _LETTERS.findall(text)]
    if len(words) < _HEAP:
        return False
    return len(set(words)) * _VARIED < len(words) or 2 * sum(len(word) == 1 for word in words) > len(words)


def _held_together(sources: Sequence[_Source], claim: Claim, language: str) -> bool:
    """Whether the sources that a sentence names (or all of them) carry it jointly: it may sum up two."""
    chosen = [sources[number - 1] for number in claim.cited] or list(sources)
    if len(chosen) < 2 or unheld(claim.text, "\n".join(source.plain for source in chosen)):
        return False
    if _unnamed(claim.text, chosen, language):
        return False
    terms = frozenset().union(*(source.whole.terms for source in chosen))
    classes = frozenset().union(*(source.whole.classes for source in chosen))
    joined = Meaning(terms, classes, " ".join(source.plain for source in chosen))
    contradicted = any(_contradicts(source, claim, language) for source in chosen)
    return _overlap(claim.text, joined, language) >= OVERLAP and not contradicted


def _unnamed(text: str, sources: Sequence[_Source], language: str) -> set[str]:
    """The names in `text` that no source has."""
    names = {match.group() for match in _CODE.finditer(text)}
    if language not in _CAPITALS_ARE_NOUNS:
        names |= {match.group(1) for match in _NAME.finditer(text)}
    return {name for name in names if not any(_named(name, source) for source in sources)}


def _named(name: str, source: _Source) -> bool:
    plain = plain_text(name).strip(".,;:!?)")
    return plain in source.plain or meaning(name, source.language).terms <= source.whole.terms


def _overlap(text: str, other: Meaning, language: str) -> float:
    """The share of a text's content that `other` speaks of."""
    content = content_terms(without("reply", text, language), language)
    if not content:
        return 1.0
    return sum(_spoken(term, other, language) for term in content) / len(content)


def _spoken(term: str, other: Meaning, language: str) -> bool:
    if term in other.terms or (language in DENSE and term in other.plain):
        return True
    return bool(meaning(term, language).classes & other.classes)


def _contradicts(source: _Source, claim: Claim, language: str) -> bool:
    """Whether the lines that tell most nearly the same are all negated otherwise than the claim."""
    if source.language and source.language != language:
        return False
    told = without("reply", claim.text, language)
    alike = [(_overlap(told, line, language), negated) for line, negated in source.lines]
    best = max((overlap for overlap, _ in alike), default=0.0)
    if best < ALIKE:
        return False
    denies = marked("negation", told, language)
    return all(negated != denies for overlap, negated in alike if overlap >= 0.9 * best)


def _language(text: str, passages: Sequence[Passage], asked: str) -> str:
    """The language that the answer is in: by its script, else by its stop words, else that of the first source."""
    for pattern, language in _SCRIPTS:
        if pattern.search(text):
            return language
    spoken = [word.lower().replace("’", "'") for word in _LETTERS.findall(text)]
    known = [passage.language for passage in passages if passage.language]
    candidates = dict.fromkeys([*filter(None, [asked]), *known, "en", "de", "es", "fr", "it", "pt", "nl"])
    return max(candidates, key=lambda language: sum(word in STOP_WORDS.get(language, ()) for word in spoken))
