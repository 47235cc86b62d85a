"""The words that the whole house speaks: frozen values, standard library only.

What moves on the bus is a `Message`, a `Reply`, a `Failed`, a `Post`, a `Stop` or a `Feedback`; each names the
`Address` of its conversation. A `Message` ends in exactly one `Reply` with `final=True` or one `Failed`.
Times are seconds since the epoch (UTC). Languages are lower-case ISO 639-1 codes ("en", "zh").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FinishReason = Literal[
    "", "stop", "length", "remark", "cancelled", "declined", "interrupted", "merged", "human", "replaced", "withdrawn"
]
"""Why a reply ended. "" while it is being written; "remark" when it is no answer but a courtesy, help, or what was set:
nobody is asked what they think of it; "cancelled" by a Stop; "declined" when nothing known answers;
"interrupted" or "merged" when a later message of the same conversation took its place; "human" when a person was
offered or has taken over; "replaced" when the question was edited, "withdrawn" when it was deleted.
A final reply may be empty (the last six): then nothing is shown, and what was shown of it is taken away."""

Command = Literal[
    "", "ask", "start", "help", "summarize", "sentiment", "translate", "write", "language", "forget", "settings",
    "human", "take", "resolve", "return", "withdrawn",
]  # fmt: skip
"""What a message asks for. "" and "ask": an answer to its text. "start": a greeting, or what there is to know about the
topic that is its text. "language" is the one to answer in from now on, "forget" what was said in this conversation.
"human": a person. "take", "resolve" and "return" are said at a support desk, of the case whose thread it is.
"withdrawn": nothing, its author deleted it before it came."""

CaseState = Literal["waiting", "taken", "resolved", "returned"]
"""Of a conversation that was handed over: nobody has it yet, a person has it (the bot is silent), it is closed as
settled, or it was given back to the bot. The last two are for good: asking again opens another case."""

Role = Literal["user", "assistant", "system"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a conversation lives: the key of its lane, its memory and its delivery."""

    channel: str
    account: str = ""
    conversation: str
    thread: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that came with a message, or is named by it. `size` in bytes, 0 when not known.

    `location` is what its channel finds it by: see `adapters.base.Fetching`.
    """

    name: str
    media_type: str
    size: int
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One thing that somebody said.

    `id` is the channel's own event id; the pair with `address.channel` is unique for ever.
    `language` is what the channel knows of the sender's language ("" when it knows nothing), `name` what the sender is
    called where people see each other. With a `command`, `text` is what it is applied to. `replaces` is the id of the
    message (in its first form) that this one is the edited form of; `sent_at` is when it was edited then.
    """

    id: str
    address: Address
    sender: str
    text: str
    sent_at: float
    edited: bool = False
    attachments: tuple[Attachment, ...] = ()
    language: str = ""
    name: str = ""
    command: Command = ""
    replaces: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A source that a reply names as [number]. `location` is a path or an address.

    `url` is the page that the source says it stands for ("" when it says nothing): better to open than `location`.
    """

    number: int
    title: str
    location: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer so far: `text` is everything up to now, so a slow channel may skip to the newest.

    `seq` rises by one within an `attempt`; `attempt` rises when the turn starts again after a failure.
    """

    message_id: str
    attempt: int
    address: Address
    text: str
    seq: int
    final: bool = False
    citations: tuple[Citation, ...] = ()
    finish_reason: FinishReason = ""
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A message that could not be answered. `reason` is for the operator, `said` is what the person was told."""

    message_id: str
    address: Address
    reason: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The person no longer wants the answer to `message_id` ("" means whatever is being answered there).

    "cancelled" keeps what was written so far; "withdrawn", when the question was deleted, leaves nothing.
    """

    address: Address
    message_id: str = ""
    reason: Literal["cancelled", "withdrawn"] = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A conversation in the hands of people. `id` is short, unique, and safe to show.

    `visitor` is the conversation; `desk` is its thread at the support desk: `desk.thread` is the case's id, and the
    adapter knows what the channel calls that thread. `agent` and `agent_name` are who has it, or had it last.
    `name` is what the visitor is called, `language` theirs, `reason` what they said when they asked.
    """

    id: str
    visitor: Address
    desk: Address
    state: CaseState
    opened_at: float
    agent: str = ""
    agent_name: str = ""
    name: str = ""
    language: str = ""
    reason: str = ""


PostKind = Literal["said", "notice", "case"]
""""said": what a person wrote, `name` being who; "notice": what the house tells of a case ("Ana has joined");
"case": the card of a case at the support desk, on which people act."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Something to show at `address` that answers no message there.

    `text` is Markdown; what a visitor typed stands in it so that it reads as it was typed (`bot.typed`).
    `id` is unique for ever within the channel, but for cards: a card that comes again takes the place of the one
    before. `case` is the case that it is about, in the state that it had then.
    """

    id: str
    address: Address
    kind: PostKind
    text: str
    case: Case
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What a person thinks of the answer to `message_id`: `value` is +1, -1, or 0 to take it back.

    `sender` is who thinks so, as in a `Message`; "" where the channel does not tell: then it is one person for all.
    """

    address: Address
    message_id: str
    value: int
    comment: str = ""
    sender: str = ""


Event = Message | Reply | Failed | Post | Stop | Feedback

Outbound = Reply | Failed | Post
"""What adapters send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is remembered of a conversation: one thing said by one side.

    `name` is what whoever said it is called, where several may speak on that side and the channel tells their names.
    """

    role: Role
    text: str
    language: str
    at: float
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of knowledge that was found.

    `text` is Markdown without its headings; `heading` is the path of headings above it, outermost first.
    `location` is the source's path or address, `title` the source's own title. `score` is higher for better.
    `url` is the page that the source says it stands for ("" when it says nothing). `updated` is the day on which the
    source says that it was written or changed, `valid_until` the last one on which it holds ("0000" when that is over,
    nobody says since when), in the form of "2025-03-31"; "" when it says nothing.
    """

    text: str
    title: str
    location: str
    score: float
    heading: tuple[str, ...] = ()
    language: str = ""
    position: int = 0
    url: str = ""
    updated: str = ""
    valid_until: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What the model is asked. `turns` ends with the question; `passages` are numbered from 1 in citations."""

    system: str
    passages: tuple[Passage, ...] = ()
    turns: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a model chooses its words. `top_k=0`, `top_p=1`, `min_p=0` and penalties of 0 (or 1) switch that off.

    `logit_bias` is added to the scores of token ids; `logprobs` asks for each token's log-probability, with the
    `top_logprobs` likeliest beside it. `ignore_eos` writes on to `max_tokens`. At most one of `json_schema` (as
    JSON text), `regex` and `choice` binds the answer's form.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    max_tokens: int = 512
    stop: tuple[str, ...] = field(default=())
    seed: int | None = None
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repetition_penalty: float = 1.0
    n: int = 1
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    logprobs: bool = False
    top_logprobs: int = 0
    ignore_eos: bool = False
    json_schema: str = ""
    regex: str = ""
    choice: tuple[str, ...] = ()
