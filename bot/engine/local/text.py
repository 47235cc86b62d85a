"""Text to tokens and back: chat templates, prompts, and the streams of text that answers become."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from bot.engine.base import ChatMessage, EngineRefused, EngineTooLong
from bot.engine.local.chat_template import ChatTemplate
from bot.engine.local.detokenize import BytesDetokenizer, Detokenizer, Pieces, WindowDetokenizer, spelling_of
from bot.engine.stops import StopWatch

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_TOKEN_CHARACTERS = 128
"""As many at least are granted to each token: some tokenizers read a long word that they do not know as one."""
_ANCHOR = "a"
"""A text to see others beside: what surrounds it belongs to the tokenizer's frame."""


class TextStream:
    """The text of one answer: whole characters, up to the first stop string. `stopped` says that it was met."""

    def __init__(self, detokenizer: Detokenizer, stops: Sequence[str]) -> None:
        self._detokenizer = detokenizer
        self._watch = StopWatch(stops)
        self.stopped = False

    def feed(self, tokens: Sequence[int]) -> str:
        """The text that is safe to show after `tokens`; it may lag behind them. Nothing once `stopped`."""
        if self.stopped:
            return ""
        return self._watched(self._detokenizer.feed(tokens))

    def finish(self) -> str:
        """What was held back, now that nothing follows: U+FFFD for half a character, the beginning of a stop string."""
        if self.stopped:
            return ""
        return self._watched(self._detokenizer.finish()) + self._watch.flush()

    def _watched(self, text: str) -> str:
        if not text:
            return ""
        text = self._watch.feed(text)
        self.stopped = self._watch.stopped
        return text


class Texts:
    """What the engine knows of a model's language. Safe to use from several threads.

    `chat_template` stands in for the tokenizer's own; `model` is named in errors. `end_tokens` are those of the
    model's generation config; the tokenizer's and the chat template's own are added to them. A text of more than
    `longest` characters is refused before it costs anything, and so is one that cannot be `context_tokens` or less
    (0: not known).
    """

    end_tokens: frozenset[int]

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        *,
        chat_template: str = "",
        model: str = "",
        end_tokens: Collection[int] = (),
        longest: int = 4_000_000,
        context_tokens: int = 0,
    ) -> None:
        self._tokenizer = tokenizer
        self._longest, self._most = longest, context_tokens or longest
        if context_tokens:
            self._longest = min(longest, context_tokens * max(_TOKEN_CHARACTERS, *map(len, tokenizer.get_vocab())))
        self._lock = Lock()  # the tokenizers library refuses to be set up in one thread while another encodes
        self._template = ChatTemplate(tokenizer, chat_template, model)
        self._opening = self._opening_tokens()
        self._hidden = frozenset(at for at, token in tokenizer.added_tokens_decoder.items() if token.special)
        own = tokenizer.eos_token_id
        ends = [own] if isinstance(own, int) else own or []
        self.end_tokens = frozenset([*end_tokens, *ends]) | self._template.end_tokens()
        backend = getattr(tokenizer, "backend_tokenizer", None)
        self._spelling = None if backend is None else spelling_of(backend.decoder)
        self._decode = self._decoder(backend)
        self._pieces = Pieces(self._spell, self._hidden)

    def chat(self, messages: Sequence[ChatMessage], tools: Sequence[Mapping[str, Any]] = ()) -> list[int]:
        """The prompt that asks for the assistant's next turn, through the chat template.

        Raises:
            EngineRefused: there is no template, or it does not take these messages or tools; `field` says which.
        """
        pieces = self._template.render(messages, tools)
        self._check("".join([piece.text for piece in pieces]), "messages")
        if len(pieces) > self._most:
            raise EngineTooLong(f"The messages hold {len(pieces):,} special tokens as text.", field="messages")
        return [
            token for one in pieces for token in (self._literal(one.text) if one.literal else self._tokens(one.text))
        ]

    def encode(self, text: str) -> list[int]:
        """A raw prompt. It begins with what the tokenizer puts first (once), special tokens written in it are read.

        Raises:
            EngineRefused: `text` is empty (for a model that begins without a token of its own), too long, or holds
                half of a surrogate pair.
        """
        self._check(text, "prompt")
        tokens = self._tokens(text)
        if tokens[: len(self._opening)] != self._opening:
            tokens = self._opening + tokens
        if not tokens:
            raise EngineRefused("The prompt is empty: give at least one character.", field="prompt")
        return tokens

    def count(self, text: str) -> int:
        """How many tokens `text` itself has. Raises `EngineRefused` as `encode` does; nothing has none."""
        self._check(text, "prompt")
        return len(self._tokens(text))

    def token(self, token_id: int) -> tuple[str, bytes]:
        """A token alone: its text, with U+FFFD where it is only part of a character, and its bytes.

        Special tokens have the text they are written with; ids that the tokenizer does not know have none.
        """
        raw = self._spell(token_id)
        return raw.decode(errors="replace"), raw

    def stream(self, stops: Sequence[str], *, prompt: Sequence[int] = ()) -> TextStream:
        """The text of an answer. After its `prompt` it goes on from there: the space before its first word stays."""
        detokenizer: Detokenizer
        if self._spelling is None:
            detokenizer = WindowDetokenizer(self._decode, self._hidden, prompt)
        else:
            detokenizer = BytesDetokenizer(self._pieces, self._spelling.strip, prompt)
        return TextStream(detokenizer, stops)

    def _check(self, text: str, field: str) -> None:
        if not isinstance(text, str):
            raise EngineRefused(f"The text must be a string, not {type(text).__name__}.", field=field)
        if len(text) > self._longest:
            raise EngineTooLong(
                f"The text has {len(text):,} characters; at most {self._longest:,} are read.", field=field
            )
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise EngineRefused(
                f"The text holds half of a surrogate pair (U+{ord(text[error.start]):04X}), which is no character: "
                "send text as UTF-8.",
                field=field,
            ) from error

    def _tokens(self, text: str, *, literal: bool = False) -> list[int]:
        with self._lock:
            encoded = self._tokenizer(text, add_special_tokens=False, split_special_tokens=literal, verbose=False)
        return list(encoded["input_ids"])

    def _literal(self, text: str) -> list[int]:
        """`text`, which looks like a special token, as text: in two halves, where it is one without being marked so."""
        tokens = self._tokens(text, literal=True)
        if self._template.unmarked.isdisjoint(tokens):
            return tokens
        return self._tokens(text[:1], literal=True) + self._tokens(text[1:], literal=True)

    def _opening_tokens(self) -> list[int]:
        """What the tokenizer puts before a text, such as the token for its beginning."""
        framed, bare = self._tokenizer(_ANCHOR)["input_ids"], self._tokens(_ANCHOR)
        for at in range(len(framed) - len(bare) + 1):
            if framed[at : at + len(bare)] == bare:
                return list(framed[:at])
        return []

    def _decoder(self, backend: Any) -> Callable[[Sequence[int]], str]:
        """Tokens to text without special tokens, and without transformers' changes to spaces, which look ahead."""
        if backend is not None:
            return lambda tokens: str(backend.decode(list(tokens), skip_special_tokens=True))
        return lambda tokens: str(
            self._tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )

    def _spell(self, token_id: int) -> bytes:
        token: Any = self._tokenizer.convert_ids_to_tokens(token_id)
        if token is None or token_id in self._hidden:
            return (token or "").encode()
        if self._spelling is not None:
            return self._spelling.spell(token)
        anchor = self._tokens(_ANCHOR)
        return self._decode([*anchor, token_id]).removeprefix(self._decode(anchor)).encode()
