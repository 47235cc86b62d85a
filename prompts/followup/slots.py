"""Put a fragment into the question before it, in the place of what it replaces."""

from __future__ import annotations

from collections.abc import Sequence

from prompts.followup.tokens import Token, tokenized
from prompts.followup.vocabulary import Vocabulary
from prompts.followup.words import other_of_kind

Span = tuple[int, int]


def put_into(core: str, topic: str, known: Vocabulary) -> str:
    """`topic` with `core` in the place of what it replaces; after a comma where that cannot be told."""
    inside, around = tokenized(core), tokenized(topic)
    span = (
        _same_preposition(inside, around, known)
        or _same_words(inside, around, known)
        or _same_kind(inside, around, known)
        or _same_shape(inside, around, known)
        or _same_place(inside, around, known)
    )
    if span is None:
        return f"{topic}, {core}"
    before = [token for token in around if token.end <= span[0]]
    doubled = bool(before) and before[-1].low in known.determiners and inside[0].low in known.determiners
    kept = inside[doubled:-1] if inside[-1].low in ("one", "ones") else inside[doubled:]
    return f"{topic[: span[0]]}{core[kept[0].start : kept[-1].end]}{topic[span[1] :]}"


def _same_preposition(core: Sequence[Token], topic: Sequence[Token], known: Vocabulary) -> Span | None:
    """ "to Poland" takes the place of "to Germany"."""
    for index, token in enumerate(topic):
        if token.low == core[0].low and token.low in known.prepositions:
            end = _phrase_end(topic, index + 1, known)
            if end is not None:
                return token.start, topic[end].end
    return None


def _phrase_end(tokens: Sequence[Token], start: int, known: Vocabulary) -> int | None:
    """The last token of the noun phrase that begins at `start`."""
    at = start
    while at < len(tokens) and tokens[at].low in known.determiners:
        at += 1
    if at >= len(tokens) or not known.tells(tokens[at]):
        return None
    rest = tokens[at:]
    capital = known.name(tokens[at])
    if not capital and len(rest) <= 3 and all(known.tells(it) and it.low not in known.relational for it in rest):
        return len(tokens) - 1
    while at + 1 < len(tokens) and (
        tokens[at + 1].text.isdigit() or (capital and known.name(tokens[at + 1]) and not tokens[at + 1].border)
    ):
        at += 1
    return at


def _same_words(core: Sequence[Token], topic: Sequence[Token], known: Vocabulary) -> Span | None:
    """ "Drift 5" takes the place of "Drift 4", "express shipping" that of "standard shipping"."""
    words = [token for token in core if token.low not in known.determiners]
    for index in range(len(topic) - len(words) + 1) if len(words) > 1 else ():
        window = topic[index : index + len(words)]
        same = [one.low == other.low for one, other in zip(words, window, strict=True)]
        if same.count(False) == 1 and known.tells(window[same.index(False)]):
            return window[0].start, window[-1].end
    return None


def _same_kind(core: Sequence[Token], topic: Sequence[Token], known: Vocabulary) -> Span | None:
    """ "express" takes the place of "standard", and so does "overnight delivery" that of "standard shipping"."""
    words = [token.low for token in core if known.tells(token)]
    among = [token.low for token in topic]
    said = (other_of_kind(word, among, known.contrasts) for word in _forms(words[0])) if 0 < len(words) <= 2 else ()
    other = next(filter(None, said), "")
    at = next((at for at, token in enumerate(topic) if other and token.low == other), None)
    if at is None:
        return None
    noun = len(words) == 2 and at + 1 < len(topic) and known.tells(topic[at + 1])
    return topic[at].start, topic[at + noun].end


def _forms(word: str) -> tuple[str, ...]:
    """A word and what it may be the plural of."""
    return (word, word.removesuffix("s"))


def _same_shape(core: Sequence[Token], topic: Sequence[Token], known: Vocabulary) -> Span | None:
    """ "Poland" takes the place of the only name in the question, "E20" that of "E18"."""
    words = [token for token in core if token.low not in known.determiners]
    if not words or known.nouns_are_capital or not all(token.text[:1].isupper() for token in words):
        return None
    names = [at for at, token in enumerate(topic) if known.name(token)]
    if not names or names != list(range(names[0], names[-1] + 1)):
        return None
    return topic[names[0]].start, topic[names[-1]].end


def _same_place(core: Sequence[Token], topic: Sequence[Token], known: Vocabulary) -> Span | None:
    """ "the battery" takes the place of "the frame" in "… on the frame"."""
    if core[0].low not in known.determiners:
        return None
    for at in range(len(topic) - 2, 0, -1):
        if topic[at].low in known.determiners and topic[at - 1].low in known.prepositions:
            rest = topic[at + 1 :]
            if len(rest) <= 2 and all(map(known.tells, rest)):
                return topic[at].start, rest[-1].end
    return None
