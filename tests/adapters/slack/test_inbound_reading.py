"""Files and threads are fetched, the token goes to Slack alone, and nobody reads what is not theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from adapters.slack import names
from adapters.slack import reading as module
from adapters.slack.api import is_slacks
from adapters.slack.people import Person
from adapters.slack.reading import attached_thread
from bot.errors import SourceError
from bot.events import Address, Attachment
from tests.adapters.slack.inlet import BOT, DM, PERSON, ROOM, TEAM, Inlet, inlet

HERE = names.address(TEAM, DM, "1.0")


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Inlet]:
    async with inlet(tmp_path) as made:
        yield made


def file(ident: str) -> Attachment:
    return Attachment(name="a.txt", media_type="text/plain", size=0, location=f"file:{TEAM}:{ident}")


async def fault(made: Inlet, attachment: Attachment, *, limit: int = 1_000, at: Address = HERE) -> str:
    """Why it cannot be fetched."""
    with pytest.raises(SourceError) as refused:
        await made.reading.fetch(at, attachment, limit)
    return refused.value.why


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://files.slack.com/files-pri/T0123-F0123/a.txt", True),
        ("https://example.slack.com/files/a.txt", True),
        ("https://files.slack-gov.com/files-pri/T0123-F0123/a.txt", True),
        ("http://127.0.0.1:8080/files-pri/a.txt", True),
        ("http://files.slack.com/files-pri/a.txt", False),
        ("https://files.slack.com.example.org/a.txt", False),
        ("https://evilslack.com/a.txt", False),
        ("https://files.slack.com@example.org/a.txt", False),
        ("https://user:word@files.slack.com/a.txt", False),
        ("https://files.slack.com:8443/a.txt", False),
        ("https://example.org\\.slack.com/a.txt", False),
        ("https://example.org%2f.slack.com/a.txt", False),
        ("https://files.slack-edge.com/a.txt", False),
        ("https://example.org\\@files.slack.com/a.txt", False),
        ("http://127.0.0.1:9090/a.txt", False),
        ("https://127.0.0.1:8080/a.txt", False),
        ("http://169.254.169.254/latest/meta-data", False),
        ("file:///etc/passwd", False),
        ("//files.slack.com/a.txt", False),
        ("https://files.slack.com:port/a", False),
        ("https://[::1", False),
        ("", False),
    ],
)
def test_where_a_token_may_be_sent(url: str, ours: bool) -> None:
    """To Slack over https, and exactly where the API is configured to be."""
    assert is_slacks(url, "http://127.0.0.1:8080/api/") is ours


async def test_a_file_is_fetched(made: Inlet) -> None:
    """Its bytes, as they are."""
    held = made.slack.attach(TEAM, "a.txt", b"\xffbytes", "text/plain")
    assert await made.reading.fetch(HERE, file(held.id), 1_000) == b"\xffbytes"


async def test_a_page_that_somebody_attached_is_a_page(made: Inlet) -> None:
    """HTML is what Slack shows in the place of a file that may not be read; a file may be HTML, too."""
    page = made.slack.attach(TEAM, "a.txt", b"<!DOCTYPE html><title>x</title>", "text/plain")
    assert await fault(made, file(page.id)) == "missing"


@pytest.mark.parametrize("ident", ["F9", "F1:2", "", "../x"])
async def test_files_that_are_none(made: Inlet, ident: str) -> None:
    """A sentence, and no call for what is no id."""
    assert await fault(made, file(ident)) == "missing"


async def test_too_large_files_are_not_fetched(made: Inlet) -> None:
    """Slack says how large they are."""
    held = made.slack.attach(TEAM, "a.txt", b"x" * 1_001, "text/plain")
    assert await fault(made, file(held.id)) == "large"


async def test_files_elsewhere_get_no_token(made: Inlet) -> None:
    """A file that another app names, at an address of its own, is left alone."""
    held = made.slack.attach(TEAM, "a.txt", b"x", "text/plain")
    held.url = "https://example.org/files-pri/steal"
    assert await fault(made, file(held.id)) == "missing"


async def test_without_the_scope_a_page_comes(made: Inlet) -> None:
    """200 and a page to log in: it is not taken for the file."""
    held = made.slack.attach(TEAM, "a.txt", b"x", "text/plain")
    token = made.slack.world.tokens["xoxb-test-1"]
    await made.reading.fetch(HERE, file(held.id), 1_000)
    token.scopes = token.scopes.replace("files:read,", "")
    assert await fault(made, file(held.id)) == "missing"


async def test_a_message_of_another_workspace_names_no_file_here(made: Inlet) -> None:
    """The workspace of the conversation and of what is attached are one."""
    held = made.slack.attach(TEAM, "a.txt", b"x", "text/plain")
    assert await fault(made, file(held.id), at=names.address("T0999", DM, "1.0")) == "missing"
    assert await fault(made, file(held.id), at=Address(channel="web", conversation="x")) == "missing"


async def test_a_thread_is_what_people_said(made: Inlet) -> None:
    """Names and texts as people see them, without what only asks for the summary; over several pages."""
    team = made.slack.team_of(TEAM)
    team.user(PERSON, display_name="Vera")
    team.user("U0456", real_name="Ben Baker")
    root = await made.slack.say(TEAM, ROOM, PERSON, "Shall we move to &lt;May&gt;?")
    await made.slack.say(TEAM, ROOM, "U0456", f"Yes <@{PERSON}>", root)
    await made.slack.say(TEAM, ROOM, "U0456", f"<@{BOT}> summarize", root)
    await made.api.call(TEAM, "chat.postMessage", channel=ROOM, thread_ts=root, text="Noted.")
    raw = await made.reading.fetch(HERE, attached_thread(TEAM, ROOM, root), 10_000)
    assert raw.decode() == "Vera: Shall we move to <May>?\nBen Baker: Yes @Vera\nFrontdesk: Noted.\n"
    for number in range(250):
        await made.slack.say(TEAM, ROOM, "U0456", f"line {number}", root)
    long = await made.reading.fetch(HERE, attached_thread(TEAM, ROOM, root), 100_000)
    assert long.count(b"\n") == 253
    newest = await made.reading.fetch(HERE, attached_thread(TEAM, ROOM, root), 500)
    assert len(newest) <= 500 and newest.endswith(b"Ben Baker: line 249\n") and newest.startswith(b"Ben Baker: line 2")


async def test_a_thread_of_strangers_is_read_all_the_same(made: Inlet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack that says nobody's name holds it up for a while, and not for each of them."""
    asked: list[float] = []
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: sum(asked)))
    root = await made.slack.say(TEAM, ROOM, PERSON, "begin")
    for number in range(50):
        await made.slack.say(TEAM, ROOM, f"U0A{number:02}", "said", root)

    async def silent(_: str, user: str, seconds: float) -> Person:
        asked.append(seconds)
        return Person()

    monkeypatch.setattr(made.people, "of", silent)
    raw = await made.reading.fetch(HERE, attached_thread(TEAM, ROOM, root), 100_000)
    assert raw.count(b": said\n") == 50 and raw.endswith(b"U0A49: said\n")
    assert asked[:15] == [1.0] * 15
    assert len(asked) > 50 and not any(asked[15:])


async def test_our_own_answers_are_read_whole(made: Inlet) -> None:
    """Not as the notification has them, which is cut, and without what names their sources."""
    root = await made.slack.say(TEAM, ROOM, PERSON, "Well?")
    link = "https://example.org/returns"
    whole = f"{'long ' * 100}end. [[1]]({link})\n\nSources: [1. Returns]({link})"
    shown = [{"type": "markdown", "text": whole}]
    await made.api.call(TEAM, "chat.postMessage", channel=ROOM, thread_ts=root, text="long…", blocks=shown)
    raw = await made.reading.fetch(HERE, attached_thread(TEAM, ROOM, root), 10_000)
    assert raw.decode().splitlines()[1] == f"Frontdesk: {'long ' * 100}end."


async def test_a_thread_that_is_gone(made: Inlet) -> None:
    """It is told, not raised."""
    made.slack.team_of(TEAM).channel(ROOM)
    assert await fault(made, attached_thread(TEAM, ROOM, "1700000000.000100")) == "missing"
    assert await fault(made, attached_thread(TEAM, "C0NONE", "1.0")) == "missing"
    assert await fault(made, attached_thread(TEAM, ROOM, "now")) == "missing"


@pytest.mark.parametrize(
    ("kind", "bot", "member", "may"),
    [
        ("channel", True, False, True),
        ("channel", False, True, False),
        ("group", True, True, True),
        ("group", True, False, False),
        ("mpim", True, False, False),
    ],
)
async def test_who_may_read_where(made: Inlet, kind: str, bot: bool, member: bool, may: bool) -> None:
    """Public channels are every member's; of others one has to be in them; and the bot has to be there."""
    team = made.slack.team_of(TEAM)
    place = team.channel("C0PLACE", kind=kind, bot=bot)  # type: ignore[arg-type]  # the parameters are strings
    team.user(PERSON)
    if member:
        place.members.add(PERSON)
    account = await made.accounts.of(TEAM)
    assert await made.reading.may_read(account, PERSON, "C0PLACE") is may


async def test_direct_messages_are_their_persons(made: Inlet) -> None:
    """Nobody else reads them."""
    made.slack.team_of(TEAM).dm(PERSON)
    account = await made.accounts.of(TEAM)
    assert await made.reading.may_read(account, PERSON, DM)
    assert not await made.reading.may_read(account, "U0456", DM)
    assert not await made.reading.may_read(account, PERSON, "C0NONE")


async def test_who_is_not_known_is_no_member(made: Inlet) -> None:
    """When Slack does not say who somebody is, even a public channel is not theirs."""
    made.slack.team_of(TEAM).channel(ROOM)
    account = await made.accounts.of(TEAM)
    made.slack.fail_next("users.info", "user_not_found")
    assert not await made.reading.may_read(account, "U0999", ROOM)
