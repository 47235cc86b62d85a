"""Questions that are asked with a slash command or a message's menu, rather than by writing to the bot.

A slash command leaves nothing behind in Slack, and none can be given inside a thread. So what was asked is posted to
the asker's direct messages, and answered there in its thread like any other message.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from adapters.slack import names, rules
from adapters.slack.api import SlackError
from adapters.slack.heard import Ordered, Picked
from adapters.slack.installs import Account
from adapters.slack.mrkdwn import escaped
from adapters.slack.reading import Reading, attached_thread
from adapters.slack.receiving import Receiving
from adapters.slack.words import Order, link_in, slash
from bot.errors import FrontdeskError
from bot.events import Attachment, Message
from bot.phrases import said as phrase
from storage.base import Send

COMMAND = "/frontdesk"
_QUOTED_CHARACTERS = 3_000
"""Of a question that is shown again, escapes included: Slack refuses a `text` of more than 4,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """`key` is unique for the question, `shown` is what its post quotes."""

    key: str
    user: str
    name: str
    heading: str
    shown: str
    order: Order
    attachments: tuple[Attachment, ...] = ()


class Asking:
    def __init__(self, at: Receiving, reading: Reading) -> None:
        self._at, self._reading = at, reading

    async def ordered(self, ordered: Ordered) -> str:
        """What a slash command is acknowledged with: the asker alone sees it. Whatever happens, it is a sentence."""
        account = await self._at.account(ordered.of)
        language = await self._at.language(account, ordered.user)
        command = ordered.command or COMMAND
        if not rules.may_use(ordered.user, "", account.team, self._at.config.slack):
            return phrase("slack_not_allowed", language)
        order = slash(self._at.text(account, ordered.text))
        if order.command == "help":
            return self._help(command, language)
        if len(order.text) > (limit := self._at.config.slack.limits.message_characters):
            return phrase("slack_too_long", language, limit=str(limit))
        attachments: tuple[Attachment, ...] = ()
        if order.command == "summarize":
            if not order.text:
                return phrase("slack_which", language, command=command)
            if link := link_in(ordered.text):
                if not await self._reading.may_read(account, ordered.user, link.channel):
                    return phrase("slack_not_member", language)
                attachments = (attached_thread(account.team, link.channel, link.thread_ts),)
                order = Order("summarize", "")
        question = _Question(
            key=f"slash:{account.team}:{ordered.trigger}",
            user=ordered.user,
            name=ordered.name,
            heading=phrase("slack_asked", language),
            shown=order.text if order.command == "ask" else self._at.text(account, ordered.text),
            order=order,
            attachments=attachments,
        )
        return phrase("slack_answering" if await self._ask(account, question) else "unavailable", language)

    def _help(self, command: str, language: str) -> str:
        """What there is; without a model there are no translations."""
        lines = phrase("slack_help", language, command=command).split("\n")
        models = self._at.config.engine.models
        return "\n".join(line for line in lines if models or f"`{command} translate" not in line)

    async def picked(self, picked: Picked) -> None:
        """Answer a message in its thread, for whoever picked it; or in their direct messages where we cannot write."""
        account = await self._at.account(picked.of)
        said, language = picked.said, await self._at.language(account, picked.user)
        root = said.root if said.threaded else ""
        text = self._at.text(account, said.text)
        if key := self._refusal(picked, text):
            limit = str(self._at.config.slack.limits.message_characters)
            values = {"limit": limit} if key == "slack_too_long" else {}
            return self._at.aside(account, said.channel, root, picked.user, phrase(key, language, **values))
        if await self._here(account, picked):
            message = Message(
                id=names.message_id(account.team, said.channel, said.ts),
                address=names.address(account.team, said.channel, said.root),
                sender=self._at.sender(account, picked.user),
                text=text,
                sent_at=float(said.ts),
                attachments=said.files,
                language=language,
                name=(await self._at.visitor(account, picked.user)).name or picked.name,
            )
            if not await self._at.publish(message):
                self._at.aside(account, said.channel, root, picked.user, phrase("slack_known", language))
            return None
        question = _Question(
            key=f"picked:{names.message_id(account.team, said.channel, said.ts)}:{picked.user}",
            user=picked.user,
            name=picked.name,
            heading=phrase("slack_picked", language),
            shown=text,
            order=Order("", text),
            attachments=said.files,
        )
        if not await self._ask(account, question):
            self._at.aside(account, said.channel, root, picked.user, phrase("unavailable", language))
        return None

    def _refusal(self, picked: Picked, text: str) -> str:
        """The phrase that says why it is not answered, "" when it is."""
        if not rules.may_use(picked.user, picked.home, picked.of.team, self._at.config.slack):
            return "slack_not_allowed"
        if not text and not picked.said.files:
            return "slack_no_text"
        return "slack_too_long" if len(text) > self._at.config.slack.limits.message_characters else ""

    async def _here(self, account: Account, picked: Picked) -> bool:
        """Whether we may write where it was said."""
        said = picked.said
        if not rules.may_answer_in(said.channel, self._at.config.slack, direct=said.direct):
            return False
        try:
            answer = await self._at.call(account, "conversations.info", channel=said.channel)
        except (SlackError, FrontdeskError, TimeoutError):
            return False
        place = answer.get("channel")
        return isinstance(place, dict) and bool(place.get("is_member") or place.get("is_im"))

    async def _ask(self, account: Account, question: _Question) -> bool:
        """Post the question to the asker's direct messages and publish it there. False when Slack does not take it.

        Where it was posted is kept before it is published: Slack may tell of the command again.
        """
        store = self._at.store
        async with self._at.turns.of(question.key):
            known = await store.sends(names.CHANNEL, question.key)
            where = known[0].remote if known else await self._post(account, question)
            if where and not known:
                await store.keep_send(names.CHANNEL, question.key, Send(part=0, state="done", remote=where))
        if not where:
            return False
        team, channel, ts = names.place(where)
        person = await self._at.visitor(account, question.user)
        message = Message(
            id=where,
            address=names.address(team, channel, ts),
            sender=self._at.sender(account, question.user),
            text=question.order.text,
            sent_at=float(ts),
            attachments=question.attachments,
            language=person.language,
            name=person.name or question.name,
            command=question.order.command,
        )
        await asyncio.shield(self._at.publish(message))
        return True

    async def _post(self, account: Account, question: _Question) -> str:
        metadata = {"event_type": "frontdesk_question", "event_payload": {"user": question.user}}
        try:
            posted = await self._at.call(
                account,
                "chat.postMessage",
                channel=question.user,
                text=f"*{question.heading}*\n{_quoted(question.shown)}",
                metadata=metadata,
                unfurl_links=False,
                unfurl_media=False,
            )
        except (SlackError, FrontdeskError, TimeoutError):
            return ""
        return names.message_id(account.team, str(posted["channel"]), str(posted["ts"]))


def _quoted(text: str) -> str:
    """A question as it was asked, harmless, and cut where it would be too long for one message."""
    shown, more = text.strip(), ""
    while len(quoted := "\n".join(f"> {escaped(line)}" for line in (shown + more).splitlines())) > _QUOTED_CHARACTERS:
        shown, more = shown[: len(shown) * 3 // 4], " …"
    return quoted
