"""What `frontdesk doctor` says of Telegram. It asks Telegram and changes nothing; no token is shown."""

from __future__ import annotations

from typing import Any

from adapters.base import Finding
from adapters.telegram.api import Api, Me, TelegramRefused
from adapters.telegram.names import CHANNEL
from adapters.telegram.routes import PATH
from bot.config import Config

_DESK = "hand-over"


async def findings(config: Config, api: Api, *, webhook: bool) -> list[Finding]:
    """Everything, in the order in which it would trip the start."""
    try:
        me = await api.me()
    except TelegramRefused as error:
        return [_refused(config, error)]
    found = [Finding("good", CHANNEL, f"speaks as @{me.username} ({me.name})")]
    try:
        found += [await _way_in(config, api, webhook=webhook), _privacy(me)]
        if config.telegram.inline and not me.supports_inline_queries:
            text = "inline mode is off: send /setinline to BotFather, or set telegram.inline to false."
            found.append(Finding("note", CHANNEL, text))
        if config.handover.channel == CHANNEL and config.handover.account in ("", str(me.id)):
            found += await _desk(config, api, me)
    except TelegramRefused as error:
        found.append(_refused(config, error))
    return found


def _refused(config: Config, error: TelegramRefused) -> Finding:
    if error.code in (401, 404):
        text = "Telegram does not know TELEGRAM_BOT_TOKEN: set it to what BotFather's /token says (123456:…)."
        return Finding("bad", CHANNEL, text)
    text = f"{error}. Look whether this machine reaches {config.telegram.base_url} (telegram.base_url), and try again."
    return Finding("bad", CHANNEL, text)


async def _way_in(config: Config, api: Api, *, webhook: bool) -> Finding:
    told = await api.call("getWebhookInfo")
    url, wanted = str(told.get("url", "")), f"{config.server.public_url.rstrip('/')}{PATH}"
    if not webhook:
        if url:
            text = "updates are polled for; a webhook is set for this token, which the start removes"
            return Finding("note", CHANNEL, text)
        return Finding("good", CHANNEL, "updates are polled for: no public address is needed")
    if url == wanted and (problem := str(told.get("last_error_message", ""))):
        waiting = told.get("pending_update_count", 0)
        text = f"Telegram could not reach {wanted}: {problem} ({waiting} updates wait). "
        return Finding("bad", CHANNEL, text + "Look at the address and its proxy.")
    if url and url != wanted:
        return Finding("note", CHANNEL, f"another webhook is set for this token; the start changes it to {wanted}")
    return Finding("good", CHANNEL, f"updates are sent to {wanted}, which Telegram has to reach")


def _privacy(me: Me) -> Finding:
    if not me.can_join_groups:
        return Finding("note", CHANNEL, "it cannot be added to groups: BotFather's /setjoingroups allows it")
    if me.can_read_all_group_messages:
        text = "in groups it sees everything, and answers when it is meant (privacy mode is off)"
        return Finding("good", CHANNEL, text)
    return Finding("good", CHANNEL, "in groups it sees only what is meant for it (privacy mode)")


async def _desk(config: Config, api: Api, me: Me) -> list[Finding]:
    where = config.handover.conversation
    if not where.removeprefix("-").isdigit():
        return [Finding("bad", _DESK, "set handover.conversation to the id of the group for cases (-100…).")]
    try:
        chat = await api.call("getChat", chat=int(where))
        member = await api.call("getChatMember", chat=int(where), user_id=me.id)
    except TelegramRefused as error:
        if error.ambiguous:
            raise
        text = f"handover.conversation is {where}, which Telegram does not show ({error.error}): "
        return [Finding("bad", _DESK, text + "copy the group's id, and add the bot to it.")]
    return _in_group(chat, str(member.get("status", "")), me)


def _in_group(chat: dict[str, Any], status: str, me: Me) -> list[Finding]:
    title = str(chat.get("title", "")) or str(chat.get("id", ""))
    if status in ("left", "kicked"):
        return [Finding("bad", _DESK, f"the bot is not in “{title}”: add it there.")]
    hears = status in ("administrator", "creator") or me.can_read_all_group_messages
    found = [Finding("good", _DESK, f"cases are posted in “{title}”")]
    if not hears:
        text = f"in “{title}” it hears only replies to its own messages: make it an administrator there."
        found.append(Finding("bad" if chat.get("is_forum") else "note", _DESK, text))
    if chat.get("is_forum") and status != "administrator":
        text = f"“{title}” has topics, but the bot may open none: make it an administrator who manages topics."
        found.append(Finding("note", _DESK, text))
    return found
