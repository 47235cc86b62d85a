"""What becomes of a conversation that is handed over to people. Pure: from a case and a message to what happens.

    waiting ──take──▶ taken ──resolve──▶ resolved
       │                └─────return───▶ returned
       └──resolve, return──▶ (the same)

While a case waits, the bot answers and colleagues read along; while somebody has it, the bot is silent and words go to
and fro. One in which neither side says anything for long is returned by itself. What is closed stays closed, and asking
again opens another case. Only who has a case speaks to its visitor: what other colleagues write in its thread stays
among them, and so does what the bot is asked there. Visitors read their own language, and `language` is everywhere that
of the support desk.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from bot.config import HandoverConfig
from bot.events import Address, Case, CaseState, Command, Message, Post, PostKind, Turn
from bot.phrases import said
from bot.typed import open_links, typed

ACTS: dict[Command, CaseState] = {"take": "taken", "resolve": "resolved", "return": "returned"}
"""What colleagues do with a case, and what it becomes by that."""

_OPEN: frozenset[CaseState] = frozenset({"waiting", "taken"})
OF_THE_HOUSE: frozenset[Command] = frozenset({"help", "language", "forget", "settings"})
"""What is asked of the house itself, of its conversation with somebody: it is done whoever has the conversation, and is
nobody else's business."""

_FOR_THE_BOT: frozenset[Command] = OF_THE_HOUSE | {"ask", "start", "summarize", "sentiment", "translate", "write"}
_REASON_CHARACTERS = 1_000
_TURN_CHARACTERS = 1_000
_NAME_CHARACTERS = 100
_CARD_CHARACTERS = 6_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a message brings about: what its sender is told ("" is nothing), what the case becomes (None: it stays as it
    is), what is shown elsewhere, and whether the bot answers the message besides."""

    says: str = ""
    case: Case | None = None
    posts: tuple[Post, ...] = ()
    answers: bool = False


def at_support(address: Address, config: HandoverConfig) -> bool:
    """Whether `address` is a thread at the support desk. Its account is written as `handover.account` is."""
    if not (config.channel and address.thread):
        return False
    desk = (config.channel, config.account, config.conversation)
    return (address.channel, address.account, address.conversation) == desk


def opened(message: Message, config: HandoverConfig, language: str, now: float) -> Case:
    """The case that `message` opens."""
    ident = _digest(message, 12)
    return Case(
        id=ident,
        visitor=message.address,
        desk=Address(channel=config.channel, account=config.account, conversation=config.conversation, thread=ident),
        state="waiting",
        opened_at=now,
        name=message.name,
        language=language,
        reason=message.text.strip()[:_REASON_CHARACTERS],
    )


def opening(case: Case, told: Sequence[Turn], language: str) -> Step:
    """A visitor asked for a person. `told` is what was said before, oldest first, as much as the card shows."""
    return Step(says=said("case_opened", case.language), case=case, posts=(card(case, told, language),))


def by_visitor(case: Case, message: Message, language: str, *, asks_for_person: bool) -> Step:
    """The visitor of an open case says something."""
    posts = _Posts(case, message)
    text = _words(message, language, typed)
    shown = (
        (posts.make(case.desk, "said", text, name=message.name or case.name or said("visitor", language)),)
        if text
        else ()
    )
    if case.state == "taken":
        return Step(posts=shown)
    if asks_for_person:
        return Step(says=said("case_known", case.language), posts=shown)
    return Step(posts=shown, answers=True)


def abandoned(case: Case, message: Message) -> Step:
    """The visitor says something, and the desk is elsewhere by now: nobody could act on the case, so the bot answers
    again, or they would talk to no one."""
    told = _Posts(case, message).make(case.visitor, "notice", said("case_returned", case.language))
    return Step(case=replace(case, state="returned"), posts=(told,) if case.state == "taken" else (), answers=True)


def lapsed(case: Case, told: Sequence[Turn], language: str, hours: float) -> Step:
    """Neither side has said anything for `hours`: the bot has the conversation again. `told` as in `opening`."""
    now = replace(case, state="returned")
    notices = (
        (case.visitor, said("case_returned", case.language)),
        (case.desk, said("case_lapsed", language, hours=f"{hours:g}")),
    )
    posts = (
        Post(id=f"{case.id}-lapsed-{number}", address=address, kind="notice", text=text, case=now)
        for number, (address, text) in enumerate(notices, 1)
    )
    return Step(case=now, posts=(*posts, card(now, told, language)))


def by_colleague(case: Case, message: Message, told: Sequence[Turn], language: str) -> Step:
    """Somebody at the support desk does or says something in the thread of a case. `told` as in `opening`."""
    if message.command in ACTS:
        return _act(case, message, told, language)
    if message.command in _FOR_THE_BOT:
        return Step(answers=True)
    if case.state not in _OPEN:
        return Step(says=said("case_closed", language))
    if case.state == "waiting":
        return Step(says=said("case_take_first", language))
    return _spoken(case, message, language) if message.sender == case.agent else Step()


def before(case: Case, turns: Sequence[Turn]) -> Sequence[Turn]:
    """What of a visitor's turns was said before the case was opened: opening it was remembered at that very time."""
    opening_turn = next((number for number, turn in enumerate(turns) if turn.at == case.opened_at), 0)
    return turns[:opening_turn]


def card(case: Case, told: Sequence[Turn], language: str) -> Post:
    """The card of a case. Its text is what was said `before` it was opened, and so the same in every state."""
    text = _transcript(case, told, language)
    return Post(id=f"case-{case.id}", address=case.desk, kind="case", text=text, case=case)


def _act(case: Case, message: Message, told: Sequence[Turn], language: str) -> Step:
    state = ACTS[message.command]
    if case.state not in _OPEN:
        return Step() if case.state == state else Step(says=said("case_over", language))
    if state == "taken" and case.agent == message.sender and case.state == state:
        return Step()
    mine = state == "taken" or not case.agent
    agent = (message.sender, message.name) if mine else (case.agent, case.agent_name)
    now = replace(case, state=state, agent=agent[0], agent_name=agent[1])
    if state == "taken":
        notice = said("case_joined", case.language, agent=message.name or said("colleague", case.language))
    else:
        notice = said(f"case_{state}", case.language)
    posts = _Posts(now, message)
    return Step(case=now, posts=(posts.make(case.visitor, "notice", notice), card(now, told, language)))


def _spoken(case: Case, message: Message, language: str) -> Step:
    """Who has the case speaks to the visitor."""
    text = _words(message, case.language)
    if not text:
        return Step()
    name = message.name or case.agent_name or said("colleague", case.language)
    post = _Posts(case, message).make(case.visitor, "said", text, name=name)
    return Step(says=said("case_files", language) if message.attachments else "", posts=(post,))


class _Posts:
    """Makes the posts that a message brings about in a case, each with an id that no other ever has."""

    def __init__(self, case: Case, message: Message) -> None:
        self._case = case
        self._ids: Iterator[str] = (f"{case.id}-{_digest(message, 16)}-{number}" for number in count(1))

    def make(self, address: Address, kind: PostKind, text: str, name: str = "") -> Post:
        return Post(id=next(self._ids), address=address, kind=kind, text=text, case=self._case, name=name)


def _words(message: Message, language: str, shown: Callable[[str], str] = str) -> str:
    """What a message says to somebody who is not where it was said: its files are named, since they stay there.

    `shown` makes Markdown of what its sender typed.
    """
    parts = [shown(message.text.strip())] if message.text.strip() else []
    if message.attachments:
        names = ", ".join(shown(attachment.name) for attachment in message.attachments)
        parts.append(said("attached", language, names=names))
    text = "\n".join(parts)
    return said("edited_form", language, text=text) if text and message.replaces else text


def _transcript(case: Case, told: Sequence[Turn], language: str) -> str:
    """What was said, newest last, as Markdown: quoted, so that nobody's words look like somebody else's.

    Visitors' words stand there as they were typed, and in the bot's no link hides where it leads: it may have written
    what a visitor told it to.
    """
    names = {"user": case.name.strip() or said("visitor", language)}
    parts: list[str] = []
    room = _CARD_CHARACTERS
    for turn in reversed(told):
        text = turn.text.strip()
        text = text if len(text) <= _TURN_CHARACTERS else text[:_TURN_CHARACTERS].rstrip() + " …"
        text = typed(text) if turn.role == "user" else open_links(text)
        name = turn.name.strip() or names.get(turn.role) or said("assistant", language)
        part = f"**{_one_line(name)}**\n" + "\n".join(f"> {line}" for line in text.splitlines())
        room -= len(part)
        if room < 0:
            break
        parts.append(part)
    return "\n\n".join(reversed(parts))


def _one_line(name: str) -> str:
    return typed(" ".join(name.split())[:_NAME_CHARACTERS])


def _digest(message: Message, characters: int) -> str:
    """A name made of a message's, five bits a character: it is the same when the message is looked at again."""
    names = f"{message.address.channel}\n{message.id}".encode("utf-8", "surrogatepass")
    return base64.b32encode(hashlib.blake2b(names, digest_size=20).digest()).decode()[:characters].lower()
