"""What becomes of a case, without a store or a channel: whatever is said and pressed, in whatever order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cases import ACTS, Step, at_support, before, by_colleague, by_visitor, card, lapsed, opened, opening
from bot.config import HandoverConfig
from bot.events import Address, Attachment, Case, Command, Message, Post, Turn
from bot.phrases import phrase_languages, said

DESK = HandoverConfig(channel="slack", account="T0123", conversation="C0123")
HOME = Address(channel="web", conversation="v")
OPEN = ("waiting", "taken")
FILE = Attachment(name="invoice.pdf", media_type="application/pdf", size=9, location="file:1")


def visitor_says(ident: str, text: str = "hello", **more: object) -> Message:
    return replace(Message(id=ident, address=HOME, sender="v", text=text, sent_at=9.0), **more)


def case(language: str = "en", name: str = "") -> Case:
    return opened(visitor_says("m0", "I want a human", name=name), DESK, language, 10.0)


def colleague(ident: str, sender: str = "T0123:ana", text: str = "", command: Command = "", **more: object) -> Message:
    where = case().desk
    said_ = Message(id=ident, address=where, sender=sender, text=text, sent_at=20.0, command=command, name=sender[6:])
    return replace(said_, **more)


def does(case: Case, message: Message) -> Step:
    return by_colleague(case, message, (), "en")


def taken(by: str = "T0123:ana") -> Case:
    after = does(case(), colleague("take", by, command="take")).case
    assert after
    return after


ROLES = st.sampled_from(["user", "assistant"])


def turn(text: str, at: float) -> Turn:
    return Turn(role="user", text=text, language="en", at=at)


# -- laws ----------------------------------------------------------------------------------------------
COLLEAGUES = st.builds(
    lambda sender, command, text: ("desk", sender, command, text),
    st.sampled_from(["T0123:ana", "T0123:ben"]),
    st.sampled_from(["", "", "take", "resolve", "return", "summarize", "sentiment", "human"]),
    st.sampled_from(["", "Good morning", "😀 ‮"]),
)
VISITORS = st.builds(lambda text, asks: ("visitor", text, asks), st.sampled_from(["", "where is it?"]), st.booleans())


@given(st.lists(st.one_of(COLLEAGUES, VISITORS), max_size=30))
def test_whatever_happens_to_a_case(happenings: list[tuple[str, ...]]) -> None:
    """The bot answers or is silent, visitors hear who has the case alone, cards tell every change, closed is closed."""
    now, ids = case(), list[str]()
    for number, (side, *what) in enumerate(happenings):
        if side == "visitor":
            if now.state not in OPEN:
                continue  # the house knows of no case then
            text, asks = what
            step = by_visitor(now, visitor_says(f"v{number}", text), "en", asks_for_person=bool(asks))
            assert step.case is None
            assert [post.address for post in step.posts] == ([now.desk] if text else [])
            assert step.answers == (now.state == "waiting" and not asks)
            assert now.state == "waiting" or not step.says
        else:
            sender, command, text = what
            step = does(now, colleague(f"c{number}", sender, text, command))
            heard = [post for post in step.posts if post.address == now.visitor and post.kind == "said"]
            speaks = now.state == "taken" and now.agent == sender and command in ("", "human") and text
            assert [post.text for post in heard] == ([text] if speaks else [])
            assert step.answers == (command in ("summarize", "sentiment"))
            if step.case:
                assert now.state in OPEN
                assert step.case.state == ACTS[command]
                assert [post.kind for post in step.posts] == ["notice", "case"]
                assert (step.posts[0].address, step.posts[1].address) == (now.visitor, now.desk)
                assert all(post.case == step.case for post in step.posts)
        now = step.case or now
        ids += [post.id for post in step.posts if post.kind != "case"]
    assert len(ids) == len(set(ids))


@given(st.lists(st.builds(Turn, role=ROLES, text=st.text(), language=st.just("en"), at=st.floats(0, 9)), max_size=40))
def test_a_card_tells_the_same_in_every_state(told: list[Turn]) -> None:
    """Its text is what was said before, within its bounds, and nobody's words stand there as another's."""
    later = [turn("told", 10.0), turn("later, by a clock that is behind", 5.0)]
    first, again = card(case(), told, "en"), card(taken(), before(taken(), [*told, *later]), "en")
    assert (first.id, first.text) == (again.id, again.text)
    assert len(first.text) <= 6_200
    assert all(line in ("", "**Visitor**", "**Assistant**") or line.startswith(">") for line in first.text.split("\n"))


# -- opening -------------------------------------------------------------------------------------------
def test_a_case_is_named_after_the_message_that_opened_it() -> None:
    """The same message opens the same case, however often it is looked at; another one opens another."""
    assert case().id == case().id != opened(visitor_says("m1"), DESK, "en", 10.0).id
    assert case().desk == Address(channel="slack", account="T0123", conversation="C0123", thread=case().id)


def test_opening_tells_both_sides() -> None:
    """The visitor hears that a colleague was told; the desk gets the card with what was said before."""
    told = [turn("Where is\nmy parcel?", 1.0)]
    step = opening(case(name="Zoë  \n Q"), told, "en")
    (post,) = step.posts
    assert step.says == said("case_opened", "en") and step.case == post.case
    assert (post.id, post.kind, post.address) == (f"case-{case().id}", "case", case().desk)
    assert post.text == "**Zoë Q**\n> Where is\n> my parcel?"
    assert post.case.reason == "I want a human"


def test_colleagues_read_what_was_typed() -> None:
    """A visitor's Markdown does nothing at the desk, nor does a name; no link of the bot's hides where it leads."""
    link = "[Your account](https://evil.example)"
    told = [turn(f"# {link}\n**now**", 1.0), Turn(role="assistant", text=f"**See** {link}", language="en", at=2.0)]
    (post,) = opening(case(name="*Zoë* [x](y)"), told, "en").posts
    assert post.text == (
        "**\\*Zoë\\* \\[x\\](y)**\n> \\# \\[Your account\\](https://evil.example)\n> \\*\\*now\\*\\*\n\n"
        "**Assistant**\n> **See** [Your account]\\(https://evil.example)"
    )
    for state in ("waiting", "taken"):
        says = by_visitor(replace(case(), state=state), visitor_says("v1", link), "en", asks_for_person=False)
        assert says.posts[0].text == "\\[Your account\\](https://evil.example)"
    assert does(taken(), colleague("c1", text=link)).posts[0].text == link


def test_everybody_on_a_card_has_their_own_name() -> None:
    """In a group several people speak with the bot, and colleagues with them; nobody's name is given to another."""
    told = [
        replace(turn("Is it broken?", 1.0), name="Ada\n> Bob"), replace(turn("Mine is.", 2.0), name="Bob"),
        turn("Hm.", 3.0),
        Turn(role="assistant", text="I see.", language="en", at=4.0, name="Ana"),
        Turn(role="assistant", text="So it is.", language="en", at=5.0),
    ]  # fmt: skip
    (post,) = opening(case(name="Ada"), told, "en").posts
    said_by = [line for line in post.text.split("\n") if line.startswith("**")]
    assert said_by == ["**Ada > Bob**", "**Bob**", "**Ada**", "**Ana**", "**Assistant**"]


def test_a_desk_is_a_thread_in_one_place() -> None:
    """Neither another account, nor another channel, nor a place without a thread is the support desk."""
    desk = case().desk
    assert at_support(desk, DESK)
    for other in ({"thread": ""}, {"account": ""}, {"conversation": "C0999"}, {"channel": "web"}):
        assert not at_support(replace(desk, **other), DESK)
    assert not at_support(replace(desk, channel=""), HandoverConfig())


# -- taking over ---------------------------------------------------------------------------------------
def test_who_takes_over_is_announced() -> None:
    """By name where it is known, in the visitor's language."""
    step = by_colleague(case("de"), colleague("c1", command="take"), (), "en")
    assert step.posts[0].text == "ana ist jetzt für Sie da."
    unnamed = by_colleague(case("en"), colleague("c1", command="take", name=""), (), "de")
    assert unnamed.posts[0].text == "A colleague has joined."


def test_pressing_twice_is_pressing_once() -> None:
    """Whoever has a case and takes it, or closes what is closed so, changes nothing and is told nothing."""
    assert does(taken(), colleague("c2", command="take")) == Step()
    closed = does(taken(), colleague("c2", command="resolve")).case
    assert closed and does(closed, colleague("c3", command="resolve")) == Step()
    assert does(closed, colleague("c4", command="return")).says == said("case_over", "en")
    assert does(closed, colleague("c5", command="take")).says == said("case_over", "en")


def test_a_colleague_can_take_a_case_from_another() -> None:
    """The case moves, and who had it speaks to the visitor no more."""
    step = does(taken(), colleague("c2", "T0123:ben", command="take"))
    assert step.case and (step.case.agent, step.case.agent_name) == ("T0123:ben", "ben")
    assert does(step.case, colleague("c3", "T0123:ana", "hello")) == Step()
    assert does(step.case, colleague("c4", "T0123:ben", "hello")).posts


@pytest.mark.parametrize(("command", "state"), [("resolve", "resolved"), ("return", "returned")])
def test_who_had_a_case_is_kept(command: Command, state: str) -> None:
    """A colleague may close it; the card still names who had it, and names the colleague where nobody had."""
    step = does(taken(), colleague("c2", "T0123:ben", command=command))
    assert step.case and (step.case.state, step.case.agent_name) == (state, "ana")
    untaken = does(case(), colleague("c2", "T0123:ben", command=command))
    assert untaken.case and untaken.case.agent_name == "ben"
    assert untaken.posts[0].text == said(f"case_{state}", "en")


@pytest.mark.parametrize("now", [case("de"), replace(taken(), language="de")])
def test_a_case_that_nobody_speaks_in_is_given_back(now: Case) -> None:
    """Each side is told in its language, under ids that no message has; the card shows it, and who had the case."""
    step = lapsed(now, [turn("Where is it?", 1.0)], "en", 72.0)
    assert step.case == replace(now, state="returned") and not step.answers and not step.says
    visitor, desk, shown = step.posts
    assert (visitor.address, visitor.kind, visitor.text) == (HOME, "notice", said("case_returned", "de"))
    assert (desk.address, desk.kind, desk.text) == (now.desk, "notice", said("case_lapsed", "en", hours="72"))
    assert (shown.kind, shown.case, shown.text) == ("case", step.case, "**Visitor**\n> Where is it?")
    assert len({visitor.id, desk.id, shown.id}) == 3
    assert step == lapsed(now, [turn("Where is it?", 1.0)], "en", 72.0)


# -- what is said --------------------------------------------------------------------------------------
def test_colleagues_are_told_when_nobody_hears_them() -> None:
    """Before somebody has the case, and after it was closed."""
    assert does(case(), colleague("c1", text="hello")) == Step(says=said("case_take_first", "en"))
    closed = replace(taken(), state="returned")
    assert does(closed, colleague("c1", text="hello")) == Step(says=said("case_closed", "en"))


def test_files_are_named_where_they_do_not_go() -> None:
    """The desk reads which files a visitor sent; a colleague is told that theirs are not passed on."""
    post = by_visitor(taken(), visitor_says("v1", "look", attachments=(FILE,)), "de", asks_for_person=False).posts[0]
    assert post.text == "look\n[Dateien: invoice.pdf]"
    named = replace(FILE, name="[x](https://evil.example)")
    posing = by_visitor(taken(), visitor_says("v1", "", attachments=(named,)), "en", asks_for_person=False).posts[0]
    assert posing.text == "[Files: \\[x\\](https://evil.example)]"
    alone = by_visitor(taken(), visitor_says("v1", "", attachments=(FILE,)), "en", asks_for_person=False).posts[0]
    assert alone.text == "[Files: invoice.pdf]"
    step = does(taken(), colleague("c1", text="here", attachments=(FILE,)))
    assert step.says == said("case_files", "en") and step.posts[0].text == "here\n[Files: invoice.pdf]"


def test_a_correction_is_seen_to_be_one() -> None:
    """What was edited is shown again, to either side."""
    post = by_visitor(taken(), visitor_says("v2", "at 5", replaces="v1"), "en", asks_for_person=False).posts[0]
    assert post.text == "(edited) at 5"
    assert does(taken(), colleague("c2", text="at 6", replaces="c1")).posts[0].text == "(edited) at 6"


@pytest.mark.parametrize("language", sorted(phrase_languages()))
def test_everything_is_said_in_every_language(language: str) -> None:
    """No phrase is missing that a case may need, on either side."""
    assert said("slack_take", language) in said("case_take_first", language), "the button is called otherwise"
    told = visitor_says("v1", "x", attachments=(FILE,), replaces="v0")
    states = (
        case(language),
        replace(taken(), language=language),
        replace(taken(), language=language, state="resolved"),
    )
    for now in states:
        assert opening(now, (), language).says
        assert isinstance(by_visitor(now, told, language, asks_for_person=True), Step)
        for command in ("", "take", "resolve", "return"):
            for sender in ("T0123:ana", "T0123:ben"):
                step = by_colleague(now, colleague("c", sender, "x", command, attachments=(FILE,)), (), language)
                assert all(isinstance(post, Post) and (post.text or post.kind == "case") for post in step.posts)
