"""Follow-ups in languages that put blanks between words; the words themselves are in `words.toml`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from prompts.followup.listed import item, ordinal
from prompts.followup.slots import put_into
from prompts.followup.tokens import Token, tokenized
from prompts.followup.vocabulary import Vocabulary
from prompts.sentences import sentences

_LONG_FRAGMENT = 5
"""More content words than this make no fragment but a question of their own."""
_SMALL_TALK_WORDS = 8
_PHRASE_WORDS = 10
_SELECTED_WORDS = 4
_TOLD_SENTENCES, _NAME_WORDS = 2, 3


class LatinRules:
    """English, German or Spanish."""

    def __init__(self, language: str) -> None:
        self._known = Vocabulary(language)

    # -- what kind of question it is -----------------------------------------------------------------
    def small_talk(self, text: str) -> bool:
        known = self._known
        words = [token.low for token in tokenized(text)]
        if all(word in known.small_talk for word in words):
            return True
        # "Thanks a lot, that helped!"
        wants = "?" in text or any(word in known.asking or word in known.requests for word in words)
        return not wants and words[0] in known.small_talk and len(words) <= _SMALL_TALK_WORDS

    def leans(self, text: str) -> bool:
        known, tokens = self._known, tokenized(text)
        content = [token for token in tokens if known.tells(token)]
        bound = any(token.low in known.binders for token in tokens)
        return (
            bool(self._fragment(text, tokens))
            or (not content and not bound and self._asks_little(tokens))
            or (bool(known.patterns["condition"].search(text)) and not any(token.border for token in tokens[1:]))
            or bool(known.patterns["of_nothing"].search(text))
            or self._points_back(text, tokens)
            or (bool(content) and not bound and all(token.low in known.relational for token in content))
        )

    def _asks_little(self, tokens: Sequence[Token]) -> bool:
        """ "How long?", but not "Who are you?"."""
        asks = any(token.low in self._known.asking for token in tokens)
        return asks and not any(token.low.startswith("you") for token in tokens)

    def _fragment(self, text: str, tokens: Sequence[Token]) -> str:
        """What a fragment is about ("to Poland"); "" when `text` is none."""
        known = self._known
        about = known.about.match(text)
        rest = [token for token in tokens if token.start >= about.end()] if about else list(tokens)
        opened = bool(about)
        while rest and rest[0].low in known.openers:
            rest, opened = rest[1:], True
        content = [token for token in rest if known.tells(token)]
        long = len(content) > _LONG_FRAGMENT or any(token.border for token in rest[1:])
        if long or all(token.low in known.relational for token in content):
            return ""
        preposition = rest[0].low in known.prepositions
        clause = any(token.low in known.asking | known.borders for token in rest[preposition:])
        if (clause and not about) or not (opened or (preposition and len(rest) <= _LONG_FRAGMENT)):
            return ""
        return text[rest[0].start : rest[-1].end]

    def _points_back(self, text: str, tokens: Sequence[Token]) -> bool:
        """Whether a word stands for something that `text` itself does not name."""
        patterns = self._known.patterns
        if any(self._points(text, tokens, index) and not self._bound(tokens, index) for index in range(len(tokens))):
            return True
        found = (patterns[name].search(text) for name in ("ones", "others"))
        return any(match and not self._bound(tokens, _at(tokens, match.start())) for match in found)

    def _points(self, text: str, tokens: Sequence[Token], index: int) -> bool:
        known, token = self._known, tokens[index]
        if any(match.start() <= token.start < match.end() for match in known.patterns["existential"].finditer(text)):
            return False
        expletive = known.patterns["expletive"].search(text)
        if expletive and expletive.start() <= token.start < expletive.end():
            named = [it for it in tokens[index + 1 :] if known.tells(it) or it.low in known.determiners]
            if len(named) > 1:
                return False
        if token.low in known.pronouns or token.low in known.places:
            return True
        return token.low in known.demonstratives and self._demonstrates(tokens, index)

    def _demonstrates(self, tokens: Sequence[Token], index: int) -> bool:
        """Whether "this" or "that" points into the conversation, rather than at the day or into its own sentence."""
        known = self._known
        following = tokens[index + 1] if index + 1 < len(tokens) and not tokens[index + 1].border else None
        if following is None:
            return True
        article = tokens[index].low in known.determiners and known.nouns_are_capital and known.tells(following)
        if article or following.low in known.present:
            return False
        if index == 0:
            return True
        before = tokens[index - 1]
        noun = known.tells(before) and not tokens[index].border
        described = noun and index > 1 and tokens[index - 2].low in known.determiners
        return not described and not (following.low in known.clause_after and before.low not in known.asking)

    def _bound(self, tokens: Sequence[Token], index: int) -> bool:
        """Whether an earlier clause of the same message names what the token at `index` stands for."""
        known = self._known
        border = (
            at for at in range(index, 0, -1) if tokens[at].border or (at < index and tokens[at].low in known.borders)
        )
        earlier = tokens[: next(border, 0)]
        content = [at for at, token in enumerate(earlier) if known.tells(token)]
        return len(content) > 1 or any(at and earlier[at - 1].low in known.determiners for at in content)

    # -- what it takes from the conversation -----------------------------------------------------------
    def subject(self, topic: str, answer: str) -> list[str]:
        known = self._known
        asked = [it.text for it in tokenized(topic) if known.tells(it) and it.low not in known.relational]
        return asked + (self._selected(topic, answer) or self._told_of(asked, answer))

    def complete(self, text: str, topic: str, subject: Sequence[str], answer: str) -> str:
        tokens = tokenized(text)
        core = self._fragment(text, tokens)
        if core:
            return put_into(core, topic.rstrip(" ?!.？！。"), self._known) + "?"
        said = {token.low for token in tokens}
        listed = item(answer, next(filter(None, (ordinal(token.low) for token in tokens)), None))
        new = dict.fromkeys(
            word
            for word in (*subject, listed)
            if word and word.casefold() not in said and not self._replaced(word, said)
        )
        return f"{text.rstrip(' ?!.')} ({' '.join(list(new)[-_PHRASE_WORDS:])})?" if new else text

    def _replaced(self, word: str, said: Collection[str]) -> bool:
        """Whether something that is `said` now takes the place of `word`: winter that of July."""
        groups = (group for group in self._known.contrasts if word.casefold() in group)
        return any(other in said for group in groups for other in group)

    def _told_of(self, asked: Sequence[str], answer: str) -> list[str]:
        """What the answer speaks of by a name that the question did not have ("Pebble is for children")."""
        said = {word.casefold() for word in asked}
        for sentence in sentences(answer)[:_TOLD_SENTENCES]:
            tokens = tokenized(sentence)
            at = next((at for at, token in enumerate(tokens) if token.low in self._known.is_), 0)
            named = tokens[:at]
            new = not any(token.low in said for token in named)
            if 0 < at <= _NAME_WORDS and new and named[0].text[:1].isupper() and all(map(self._known.tells, named)):
                return [token.text for token in named]
        return []

    def _selected(self, topic: str, answer: str) -> list[str]:
        """What answers "which …?": names in the answer, and words beside those that were asked with."""
        known = self._known
        first = next(iter(sentences(answer)), "")
        if not known.patterns["selecting"].search(topic):
            return []
        asked = {token.low for token in tokenized(topic) if known.tells(token)}
        tokens = tokenized(first)
        chosen = [
            token.text
            for index, token in enumerate(tokens)
            if token.low not in asked
            and known.tells(token)
            and (known.name(token) or (index + 1 < len(tokens) and tokens[index + 1].low in asked))
        ]
        return chosen[:_SELECTED_WORDS]


def _at(tokens: Sequence[Token], position: int) -> int:
    return next((index for index, token in enumerate(tokens) if token.start >= position), len(tokens) - 1)
