"""Output that follows a JSON schema, a regular expression or a choice, through llguidance.

llguidance (MIT; https://github.com/guidance-ai/llguidance) keeps an Earley parser over bytes for each answer and
says which tokens may come next. It is imported by the first request that needs it.

Who does what: the engine makes a `Grammar` for each answer with `grammar_of` (in a thread: a large schema takes
tens of milliseconds), the sampler asks it for `allowed` when it draws, and the worker calls `accept` once for each
token of the answer when that is settled, and ends the answer when it is `done`. So its state follows settled
tokens, and a request that is preempted and placed again needs nothing replayed.
"""

from __future__ import annotations

import json
import threading
import weakref
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Any

from bot.engine.base import EngineFault, EngineRefused, SamplingSettings
from bot.engine.local.divisors import check_divisors

_COMPILED = 64
"""Grammars kept compiled for each tokenizer."""
_PROBED_TOKENS = 16
_SHOWN_CHARACTERS = 400
_END = "<|frontdesk: here the form is complete|>"
# Blank space without an end is what small models get lost in; this is enough for any indentation that is read.
_WHITESPACE = r"[ \n]{0,32}"
# A hundredth of what llguidance allows: about 20 MB for the most complex lexer, instead of gigabytes.
_LEXER_STATES = 20_000
_LEXER_FUEL = 50_000


class Grammar:
    """What one answer must look like, and how far it has come. Used from one thread at a time."""

    __slots__ = ("_end", "_ends", "_finished", "_matcher", "_vocabulary", "field")

    def __init__(self, matcher: Any, *, vocabulary: int, end: int, field: str) -> None:
        """`end` is the matcher's own end token, which stands for those of the model."""
        self.field = field
        self._matcher = matcher
        self._vocabulary = vocabulary
        self._end = end
        self._ends: frozenset[int] = frozenset()
        self._finished = False

    def allowed(self, end_tokens: Collection[int] = ()) -> bytearray:
        """The tokens that may come next: bit `id % 8` of byte `id // 8`, ids below the vocabulary only.

        Where the answer may end, `end_tokens` are among them. None is left once there is a `failure`. The buffer
        has a whole number of 4-byte words.
        """
        size = (self._vocabulary + 31) // 32 * 4
        bits = bytearray(size) if self._finished else bytearray(self._matcher.compute_bitmask()[:size])
        if self.failure:
            return bytearray(size)
        self._ends = frozenset(end_tokens) if self._finished or self._matcher.is_accepting() else frozenset()
        for token in (self._end, *range(self._vocabulary, size * 8)):
            if token < size * 8:
                bits[token >> 3] &= ~(1 << (token & 7))
        for token in self._ends:
            bits[token >> 3] |= 1 << (token & 7)
        return bits

    def accept(self, token: int) -> None:
        """Go on past `token`, which was drawn from what was last `allowed` (an end token is fine too).

        Raises EngineFault when the answer has left the grammar or the grammar has become too complex to follow.
        """
        if token in self._ends:
            self._finished = True
        elif self._finished or not self._matcher.consume_token(token):
            raise EngineFault(self.failure or f"Token {token} does not follow the form that {self.field} asks for.")

    @property
    def done(self) -> bool:
        """Whether the answer is complete: nothing may follow but its end. Also after `ignore_eos`."""
        return self._finished or (bool(self._matcher.is_stopped()) and not self._matcher.is_error())

    @property
    def failure(self) -> str:
        """Why this answer cannot go on ("" while it can): its grammar became too complex on the way."""
        if not self._matcher.is_error():
            return ""
        return f"The form that {self.field} asks for cannot be followed: {_brief(self._matcher.get_error())}"

    def fork(self) -> Grammar:
        """The same state for another answer; from here on they go their own ways."""
        other = Grammar(self._matcher.deep_copy(), vocabulary=self._vocabulary, end=self._end, field=self.field)
        other._ends, other._finished = self._ends, self._finished
        return other


class Grammars:
    """Compiles grammars for one tokenizer and keeps the latest. Its methods may be called from any thread."""

    def __init__(self, tokenizer: Any, vocabulary: int) -> None:
        """`vocabulary` is the width of the logits, which may be more than the tokenizer has tokens.

        Raises EngineRefused when llguidance is not installed or cannot work with the tokenizer.
        """
        self._guidance = _guidance()
        self._vocabulary = vocabulary
        self._tokens, self._end = self._tokens_of(tokenizer)
        self._compiled: OrderedDict[tuple[str, str], Any] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, field: str, text: str) -> Grammar:
        """A grammar at its beginning. `text` is the schema, the expression or the choices as a JSON list."""
        with self._lock:
            matcher = self._compiled.get((field, text))
        if matcher is None:
            matcher = self._compile(field, text)
        with self._lock:
            self._compiled[field, text] = matcher
            self._compiled.move_to_end((field, text))
            while len(self._compiled) > _COMPILED:
                self._compiled.popitem(last=False)
        return Grammar(matcher.deep_copy(), vocabulary=self._vocabulary, end=self._end, field=field)

    def _compile(self, field: str, text: str) -> Any:
        try:
            grammar = self._written(field, text)
        except (ValueError, ArithmeticError, RecursionError) as fault:
            raise EngineRefused(f"{field} cannot be used: {_brief(str(fault))}", field=field) from None
        limits = self._guidance.LLParserLimits(
            max_lexer_states=_LEXER_STATES, step_lexer_fuel=_LEXER_FUEL, verbose_errors=False
        )
        matcher = self._guidance.LLMatcher(self._tokens, grammar, log_level=0, limits=limits)
        problem = matcher.get_error() or _trouble_ahead(matcher.deep_copy())
        if problem:
            raise EngineRefused(f"{field} cannot be used: {_brief(problem)}", field=field)
        return matcher

    def _written(self, field: str, text: str) -> str:
        """In llguidance's own form. Raises ValueError."""
        matcher = self._guidance.LLMatcher
        if field == "json_schema":
            written = matcher.grammar_from_json_schema(text, overrides={"whitespace_pattern": _WHITESPACE})
            check_divisors(text)
        elif field == "regex":
            written = matcher.grammar_from_regex(text)
        else:
            choices = " | ".join(_quoted(choice) for choice in json.loads(text))
            written = matcher.grammar_from_lark(f"start: {choices}")
        return str(written)

    def _tokens_of(self, tokenizer: Any) -> tuple[Any, int]:
        """The tokenizer as llguidance sees it, with an end of its own, and the id of that.

        The model's end tokens are many or none, and which they are is not the tokenizer's to say; so the form's
        end is a token that no model draws, and `Grammar.allowed` puts the real ones in its place.
        """
        backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
        if not hasattr(backend, "to_str"):
            raise EngineRefused("Answers in a given form need a fast tokenizer (tokenizer.json); this model has none.")
        from tokenizers import Tokenizer

        own = Tokenizer.from_str(backend.to_str())
        own.no_padding()
        own.no_truncation()
        own.add_special_tokens([_END])
        end: Any = own.token_to_id(_END)
        try:
            wide = max(self._vocabulary, end + 1)
            return self._guidance.LLTokenizer(own.to_str(), n_vocab=wide, eos_token=end), end
        except ValueError as fault:
            raise EngineRefused(f"llguidance cannot work with this tokenizer: {_brief(str(fault))}") from None


_kept: weakref.WeakKeyDictionary[Any, dict[int, Grammars]] = weakref.WeakKeyDictionary()
_keeping = threading.Lock()


def grammar_of(sampling: SamplingSettings, tokenizer: Any, vocabulary: int) -> Grammar | None:
    """The grammar that binds one answer, at its beginning; None where nothing does.

    `tokenizer` is transformers'; what is compiled for it is kept for as long as it lives. `fork`
    gives the further ones of `n` answers. Raises EngineRefused with llguidance's explanation for a schema or an
    expression that it cannot use, and when it is not installed.
    """
    bound = _binding(sampling)
    if bound is None:
        return None
    field, text = bound
    with _keeping:
        of_tokenizer = _kept.setdefault(tokenizer, {})
        try:
            if vocabulary not in of_tokenizer:
                of_tokenizer[vocabulary] = Grammars(tokenizer, vocabulary)
        except EngineRefused as refused:
            raise EngineRefused(str(refused), field=field) from None
        grammars = of_tokenizer[vocabulary]
    return grammars.of(field, text)


def _binding(sampling: SamplingSettings) -> tuple[str, str] | None:
    if sampling.json_schema:
        return "json_schema", sampling.json_schema
    if sampling.regex:
        return "regex", sampling.regex
    if sampling.choice:
        return "choice", json.dumps(list(sampling.choice))
    return None


def _guidance() -> Any:
    try:
        import llguidance
    except ImportError:
        raise EngineRefused(
            "json_schema, regex and choice need llguidance: pip install llguidance (it is in frontdesk[local])."
        ) from None
    return llguidance


def _trouble_ahead(matcher: Any) -> str:
    """Walk a few tokens into the grammar: what explodes, mostly does so at once, and then nobody waits for it yet."""
    for _ in range(_PROBED_TOKENS):
        token = _first(matcher.compute_bitmask())
        if matcher.is_error() or matcher.is_stopped() or token is None or not matcher.consume_token(token):
            break
    return str(matcher.get_error()) if matcher.is_error() else ""


def _first(bits: Sequence[int]) -> int | None:
    """The first id whose bit is set."""
    for at, byte in enumerate(bits):
        if byte:
            return at * 8 + (byte & -byte).bit_length() - 1
    return None


def _quoted(choice: str) -> str:
    return json.dumps(choice, ensure_ascii=False).replace("\x7f", r"\u007f")  # which llguidance does not read as it is


def _brief(explanation: str) -> str:
    text = explanation.replace("<non-verbose/>", "").strip()
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + " …"
