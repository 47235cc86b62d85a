"""What Slack's things are called in the house, and back. Pure.

A message's id is made of where and when it was said, not of the event that told of it: one post in a channel comes as
`app_mention` and as `message`, each with an event id of its own, and each of them several times.
"""

from __future__ import annotations

from bot.events import Address

CHANNEL = "slack"


def address(team: str, channel: str, thread_ts: str) -> Address:
    """The conversation in a thread: `thread_ts` is its root's, or the message's own when it begins one."""
    return Address(channel=CHANNEL, account=team, conversation=channel, thread=thread_ts)


def message_id(team: str, channel: str, ts: str, edited_ts: str = "") -> str:
    """The durable id of what was said at `ts`, or of the form that it got at `edited_ts`."""
    return f"{team}:{channel}:{ts}" + (f":{edited_ts}" if edited_ts else "")


def question(message: str) -> str:
    """The id of the message that `message` is a form of: its answer stands in one place, however often it is edited."""
    return ":".join(message.split(":")[:3])


def edition(message: str) -> tuple[float, ...]:
    """Which form of a question a message is: later ones are greater. The first has no time of its own."""
    try:
        return tuple(float(part) for part in message.split(":")[3:4])
    except ValueError:
        return ()


def place(message: str) -> tuple[str, str, str]:
    """(team, channel, ts) of what was said as `message`."""
    team, channel, ts = message.split(":")[:3]
    return team, channel, ts


def remote(team: str, channel: str, ts: str) -> str:
    """The house's name of a message of ours that stands in Slack."""
    return f"{team}:{channel}:{ts}"
