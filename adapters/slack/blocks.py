"""The blocks of our messages, within Slack's limits: https://docs.slack.dev/reference/block-kit/blocks. Pure."""

from __future__ import annotations

from typing import Any

from adapters.slack import markdown
from adapters.slack.mrkdwn import escaped
from adapters.slack.unmarked import unmarked
from adapters.split import split, utf16
from bot.events import Case, Post
from bot.phrases import language_name
from bot.phrases import said as phrase
from bot.typed import typed

Block = dict[str, Any]

_HEADER, _FIELD, _CONTEXT, _BUTTON, _TRANSCRIPT = 150, 2_000, 2_000, 75, 8_000
_REASON = 1_000
_NOTIFIED = 300
_READ = 3_000
"""Of a text, for a notification: addresses in it take room and are not shown."""
_ACTIONS = {"take": "case_take", "resolve": "case_resolve", "give_back": "case_return"}
_BUTTONS = {"waiting": ("take", "resolve"), "taken": ("resolve", "give_back", "take"), "resolved": (), "returned": ()}


def text(shown: str) -> Block:
    return {"type": "markdown", "text": shown}


def notified(shown: str) -> str:
    """What a notification says, and a program that reads the message out."""
    line = " ".join(unmarked(shown[:_READ]).split())
    return escaped(line if len(line) <= _NOTIFIED else line[: _NOTIFIED - 1] + "…") or "…"


def feedback(message_id: str, language: str) -> Block:
    """Two thumbs. https://docs.slack.dev/reference/block-kit/block-elements/feedback-buttons-element"""
    buttons = {
        "type": "feedback_buttons",
        "action_id": "feedback",
        "positive_button": {"text": _plain(phrase("slack_good", language), _BUTTON), "value": f"+1 {message_id}"},
        "negative_button": {"text": _plain(phrase("slack_bad", language), _BUTTON), "value": f"-1 {message_id}"},
    }
    return {"type": "context_actions", "elements": [buttons]}


def human(message_id: str, language: str) -> Block:
    """The way to a person."""
    return {"type": "actions", "elements": [_button("human", phrase("slack_human", language), message_id)]}


def notice(shown: str) -> tuple[Block, ...]:
    """What the house tells of a case."""
    return ({"type": "context", "elements": [{"type": "mrkdwn", "text": _cut(escaped(shown), _CONTEXT)}]},)


def card(post: Post, language: str) -> tuple[Block, ...]:
    """A case at the support desk: who waits, what was said, and what can be done about it."""
    case = post.case
    name = case.name or phrase("visitor", language)
    title = phrase("slack_case", language, name=" ".join(name.split()))
    blocks: list[Block] = [
        {"type": "header", "text": _plain(title, _HEADER)},
        {"type": "section", "fields": _fields(case, language)},
    ]
    if case.reason.strip():
        blocks.append(text("\n".join(f"> {line}" for line in _lines(case.reason))))
    if post.text.strip():
        pieces = split(markdown.body(post.text), _TRANSCRIPT, utf16)
        blocks += [{"type": "divider"}, text(pieces[0].shown)]
    if buttons := [
        _button(
            _ACTIONS[act], phrase(f"slack_{act}", language), case.id, primary=act == "take" and case.state == "waiting"
        )
        for act in _BUTTONS[case.state]
    ]:
        blocks.append({"type": "actions", "elements": buttons})
    return tuple(blocks)


def _lines(reason: str) -> list[str]:
    return markdown.body(typed(_cut(reason.strip(), _REASON))).splitlines()


def _fields(case: Case, language: str) -> list[Block]:
    agent = case.agent_name or phrase("colleague", language)
    known = {
        "slack_state": phrase(f"slack_{case.state}", language, agent=agent),
        "slack_where": case.visitor.channel,
        "slack_language": language_name(case.language, language) if case.language else "",
    }
    return [
        {"type": "mrkdwn", "text": _cut(f"*{phrase(key, language)}*\n{escaped(value)}", _FIELD)}
        for key, value in known.items()
        if value
    ]


def _button(action: str, label: str, value: str, *, primary: bool = False) -> Block:
    button = {"type": "button", "action_id": action, "text": _plain(label, _BUTTON), "value": value}
    return button | {"style": "primary"} if primary else button


def _plain(shown: str, most: int) -> Block:
    return {"type": "plain_text", "text": _cut(shown, most), "emoji": True}


def _cut(shown: str, most: int) -> str:
    return shown if utf16(shown) <= most else split(shown, most - 2, utf16)[0].shown + " …"
