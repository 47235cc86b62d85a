"""How an answer came about, as it is kept with it: from a real turn, in a real store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.events import Stop
from bot.explanation import Asked, Checked, Explanation, Found, Sentence, Understood, cut
from tests.bot.test_turn import QUESTION, Talk, message, modelled, talk
from tests.fakes.openai import Answer, Hang, Refuse

WORST = 240_000
"""Bytes of the longest document: the prompt, a question twice, passages and sentences, all at their bounds."""


async def told(talking: Talk, ident: str = "m0") -> Mapping[str, Any]:
    found = await talking.desk.store.explanation("test", ident)
    assert found is not None
    return found


# -- without a model ----------------------------------------------------------------------------------
async def test_a_quote_tells_its_way(tmp_path: Path) -> None:
    """What was understood, found and decided, and how long each took; no model, so no prompt and no checks."""
    async with talk(tmp_path) as talking:
        await talking.say(QUESTION, language="de")
        how = await told(talking)
    understood = how["understood"]
    assert (understood["text"], understood["standalone"], understood["intent"]) == (QUESTION, QUESTION, "question")
    assert (understood["detected"], understood["hint"], understood["answered"]) == ("en", "de", "en")
    (passage,) = how["passages"]
    assert (passage["title"], passage["location"]) == ("Returns", "knowledge/returns.md")
    assert passage["begins"].startswith("You may return a kettle")
    assert "return" in passage["why"]["words"]
    assert how["decided"]["kind"] == "quote"
    assert how["confidence"] == how["decided"]["confidence"] >= how["decided"]["threshold"] > 0
    assert (how["asked"], how["checked"], how["engine"], how["finish"]) == (None, None, "quote", "stop")
    assert how["sources"] == ["knowledge/returns.md"]
    assert list(how["timings"]) == ["understanding", "search", "quote"]
    assert how["since"] is None


async def test_a_decline_says_how_unsure_it_was(tmp_path: Path) -> None:
    """With the threshold that it missed."""
    async with talk(tmp_path) as talking:
        await talking.say("Who painted the kettle in Vermeer's picture?")
        how = await told(talking)
    assert how["decided"]["kind"] == "decline"
    assert 0 <= how["confidence"] < how["decided"]["threshold"]
    assert how["finish"] == "declined"


async def test_what_was_weighed_against_nothing_has_no_confidence(tmp_path: Path) -> None:
    """A greeting, help: neither is an answer from what is known."""
    async with talk(tmp_path) as talking:
        await talking.say("Hello!")
        how = await told(talking)
        assert (how["confidence"], how["understood"]["intent"], how["decided"]["kind"]) == (
            None,
            "greeting",
            "small_talk",
        )


async def test_several_questions_are_told_one_by_one(tmp_path: Path) -> None:
    """Each with its own confidence."""
    async with talk(tmp_path) as talking:
        await talking.say(f"{QUESTION} Who painted the Mona Lisa?")
        first, second = (await told(talking))["decided"]["parts"]
    assert (first[0], second[0]) == (QUESTION, "Who painted the Mona Lisa?")
    assert first[1] > second[1]


async def test_a_follow_up_tells_what_it_was_taken_for(tmp_path: Path) -> None:
    """And since when what it leans on was said, by which it expires."""
    async with talk(tmp_path) as talking:
        await talking.say("Can I return opened tea?")
        await talking.say("and a kettle?")
        first, second = await told(talking), await told(talking, "m1")
    assert second["understood"]["text"] == "and a kettle?"
    assert "return" in second["understood"]["standalone"]
    assert second["understood"]["before"] == "en"
    assert (first["since"], second["since"]) == (None, 1.0)


# -- with a model -------------------------------------------------------------------------------------
async def test_the_prompt_is_told_as_it_was_sent(tmp_path: Path) -> None:
    """Message for message, with the sampling and the tokens that the model's server counted."""
    async with modelled(tmp_path, Answer(pieces=("You have 30 days [1].",))) as (talking, fake):
        await talking.say(QUESTION)
        how = await told(talking)
        request = fake.requests[0]
    asked = how["asked"]
    assert asked["messages"] == [[each["role"], each["content"]] for each in request["messages"]]
    for name, value in asked["sampling"].items():
        assert request[name] == value
    assert asked["template"] == "answer"
    assert asked["prompt_tokens"] > 0
    assert asked["answer_tokens"] > 0
    assert not asked["estimated"]
    assert how["checked"]["outcome"] == "kept"
    assert [(each["verdict"], each["sources"]) for each in how["checked"]["sentences"]] == [("held", [1])]
    assert how["confidence"] is None
    assert list(how["timings"]) == ["understanding", "search", "prompt", "writing", "checks"]


async def test_what_no_source_holds_is_told_with_what_is_missing(tmp_path: Path) -> None:
    """And that a quote took its place, with the quote's confidence."""
    false = "You have 90 days [1]. Opened tea can be returned [1]."
    async with modelled(tmp_path, Answer(pieces=(false,))) as (talking, _):
        await talking.say(QUESTION)
        how = await told(talking)
    assert how["checked"]["outcome"] == "replaced"
    days, tea = how["checked"]["sentences"]
    assert (days["verdict"], days["missing"][0]["numbers"]) == ("not held", ["90"])
    assert (tea["verdict"], tea["missing"][0]["contradicts"]) == ("not held", True)
    assert how["confidence"] > 0.5


async def test_a_failure_tells_its_error(tmp_path: Path) -> None:
    """Also when a quote stood in for the model, and how far it had come."""
    async with modelled(tmp_path, Refuse(status=500)) as (talking, _):
        await talking.say(QUESTION)
        how = await told(talking)
    assert how["error"]
    assert (how["finish"], how["decided"]["kind"]) == ("stop", "quote")
    assert how["asked"]["prompt_tokens"] == 0


async def test_an_answer_that_was_stopped_tells_how_far_it_came(tmp_path: Path) -> None:
    """The prompt was sent; nothing was checked."""
    async with modelled(tmp_path, Hang(headers=True)) as (talking, fake):
        await talking.desk.publish(message("m0", QUESTION))
        await fake.until(lambda fake: len(fake.requests) == 1)
        await talking.desk.publish(Stop(address=message("", "").address))
        await talking.channel.end("m0")
        how = await told(talking)
    assert (how["finish"], how["checked"]) == ("cancelled", None)
    assert how["asked"]["messages"]


# -- privacy ------------------------------------------------------------------------------------------
async def test_a_secret_that_was_taken_out_is_counted_and_not_kept(tmp_path: Path) -> None:
    """Neither of the question nor of what is remembered, in no part of the document."""
    acts = [Answer(pieces=("Opened tea cannot be returned [1].",))] * 2
    async with modelled(tmp_path, *acts, privacy={"redact_before_model": True}) as (talking, _):
        await talking.say("My mail is ada@example.org, not [email]. Can I return opened tea?")
        await talking.say("Write to bob@example.org or carl@example.org: can I return a kettle?")
        first, second = await told(talking), await told(talking, "m1")
    assert first["understood"]["redacted"] == {"email": 1}
    assert second["understood"]["redacted"]["email"] >= 3
    assert "@example.org" not in json.dumps([first, second])
    assert "[email]" in second["asked"]["messages"][-1][1]


async def test_without_redaction_nothing_was_taken_out(tmp_path: Path) -> None:
    """What a model saw is what is kept."""
    async with talk(tmp_path) as talking:
        await talking.say("Mail ada@example.org: how long do I have to return a kettle?")
        how = await told(talking)
    assert how["understood"]["redacted"] == {}
    assert "ada@example.org" in how["understood"]["text"]


async def test_nothing_is_kept_when_nobody_wants_it(tmp_path: Path) -> None:
    """`privacy.explanations = false`."""
    async with talk(tmp_path, privacy={"explanations": False}) as talking:
        await talking.say(QUESTION)
        assert await talking.desk.store.explanation("test", "m0") is None


async def test_what_was_forgotten_is_explained_no_more(tmp_path: Path) -> None:
    """From the answer on that says so."""
    async with talk(tmp_path) as talking:
        await talking.say(QUESTION)
        asked = message("forget", "")
        await talking.desk.publish(
            type(asked)(id="forget", address=asked.address, sender="v", text="", sent_at=2.0, command="forget")
        )
        await talking.channel.end("forget")
        assert await talking.desk.store.explanation("test", "m0") is None
        assert (await told(talking, "forget"))["understood"]["command"] == "forget"


# -- bounds -------------------------------------------------------------------------------------------
@given(st.text(st.characters(codec=None), max_size=60), st.integers(0, 80))
def test_what_is_cut_says_so(text: str, most: int) -> None:
    """What fits stays as it is; of the rest whole characters stay, and the mark says how many bytes are missing."""
    kept = cut(text, most)
    size = len(text.encode("utf-8", "replace"))
    if size <= most:
        assert kept == text
    else:
        body, _, mark = kept.rpartition("[… ")
        assert text.encode("utf-8", "replace").decode().startswith(body)
        assert len(body.encode()) <= most
        assert mark == f"{size - most} bytes more]"


@pytest.mark.parametrize("letter", ["x", "退", "\U0001f600"])
def test_a_document_is_bounded(letter: str) -> None:
    """Whatever was asked, found and answered; of a prompt the end is kept, where the question stands."""
    long = letter * 1_000_000
    passage = Found(title="t", location="l", heading=(), language="en", score=1.0, begins=long)
    how = Explanation(
        understood=Understood(text=long, standalone=long, intent="question", detected="en", answered="en"),
        passages=[passage] * 5_000,
        asked=Asked(
            template="answer", messages=(("system", long), ("user", long), ("user", "the question")), sampling={}
        ),
        checked=Checked(outcome="kept", sentences=(Sentence(text=long, cited=(), verdict="held"),) * 5_000),
    )
    kept = how.document()
    assert len(json.dumps(kept, ensure_ascii=False).encode()) < WORST
    assert kept["asked"]["messages"][2] == ("user", "the question")
    assert kept["asked"]["messages"][0][1].endswith("bytes more]")
