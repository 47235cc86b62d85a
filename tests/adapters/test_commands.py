"""What is typed with a slash."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.commands import NAMES, command_of, typed
from bot.events import Address, Command, Message

HERE = Address(channel="web", conversation="c")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("/help", ("help", "")),
        ("  /Help ", ("help", "")),
        ("/translate de: Good morning", ("translate", "de: Good morning")),
        ("/translate: Good\nmorning ", ("translate", "Good\nmorning")),
        ("/summarise this", ("summarize", "this")),
        ("/sentiment: It broke!", ("sentiment", "It broke!")),
        ("／human 我要投诉", ("human", "我要投诉")),
        ("/ask", ("ask", "")),
        ("/start returns", ("start", "returns")),
    ],
)
def test_a_command_and_what_it_is_applied_to(text: str, meant: tuple[str, str]) -> None:
    """A known word after a slash is a command, in any case; what follows is what it is applied to."""
    assert command_of(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "//help",
        "/ help",
        "/etc/hosts is empty",
        "/help/me",
        "/helpme",
        "/take",
        "/withdrawn",
        "see /help",
        "help",
    ],
)
def test_what_is_no_command_stays_text(text: str) -> None:
    """Beginning with a slash is not enough, and what colleagues say at their desk is nothing that a visitor can."""
    assert command_of(text) == ("", text)


@pytest.mark.parametrize(("bot", "meant"), [("Desk_bot", "help"), ("other_bot", ""), ("", "")])
def test_a_name_after_a_command_says_whose_it_is(bot: str, meant: str) -> None:
    """Where several bots hear a command, the one that is named takes it."""
    assert command_of("/help@desk_BOT now", bot) == (meant, "now" if meant else "/help@desk_BOT now")


@given(st.sampled_from(sorted(NAMES)), st.text())
def test_every_command_takes_any_text(name: str, text: str) -> None:
    """Nothing of what follows a command is lost but the space around it, and one colon before it."""
    command, rest = command_of(f"/{name} {text}")
    assert command == NAMES[name]
    again = Message(id="m", address=HERE, sender="s", text=rest, sent_at=1.0, command=command)
    assert command_of(typed(again)) == (command, rest)
    assert text.strip().removesuffix(rest).strip() in ("", ":", "：")


@pytest.mark.parametrize("command", ["", "take", "withdrawn"])
def test_what_was_not_typed_is_the_text_alone(command: Command) -> None:
    """A message, or what somebody pressed."""
    assert typed(Message(id="m", address=HERE, sender="s", text="/etc", sent_at=1.0, command=command)) == "/etc"


@given(st.text())
def test_any_text_is_a_command_or_stays_as_it_is(text: str) -> None:
    """Whatever is typed, it means something."""
    command, rest = command_of(text)
    assert rest == text if not command else command in NAMES.values()
