"""What the words of English, German and Spanish are good for in a follow-up."""

from __future__ import annotations

import re

from bot.terms import STOP_WORDS
from prompts.followup.tokens import Token
from prompts.followup.words import Words

_PATTERNS = ("existential", "ones", "others", "condition", "expletive", "selecting", "of_nothing")


class Vocabulary:
    """One language's kinds of words, from `words.toml`."""

    def __init__(self, language: str) -> None:
        words = Words(language)
        self.openers = words.words("openers")
        self.about = re.compile(r"[\s¿¡]*" + words.pattern("about"), re.IGNORECASE)
        self.is_ = words.words("is")
        self.asking = words.words("asking")
        self.prepositions = words.words("prepositions")
        self.determiners = words.words("determiners")
        self.pronouns = words.words("pronouns")
        self.demonstratives = words.words("demonstratives")
        self.present = words.words("present")
        self.clause_after = words.words("clause_after")
        self.places = words.words("places")
        self.borders = words.words("borders")
        self.relational = words.words("relational")
        self.binders = words.words("binders")
        self.requests = words.words("requests")
        self.small_talk = words.words("small_talk")
        self.contrasts = words.groups("contrasts")
        self.patterns = {name: re.compile(words.pattern(name), re.IGNORECASE) for name in _PATTERNS}
        self.nouns_are_capital = language == "de"
        self._empty = STOP_WORDS[language] | words.words("weak") | self.pronouns | self.demonstratives | self.openers

    def name(self, token: Token) -> bool:
        """Whether `token` is written as names are."""
        capital = token.text[:1].isupper() and not token.first and not self.nouns_are_capital
        return capital and token.low != "i" and not token.low.startswith("i'")

    def tells(self, token: Token) -> bool:
        """Whether `token` says what the sentence is about."""
        named = self.name(token)
        return named or (token.low not in self._empty and (len(token.low) > 1 or token.low.isdigit()))
