"""What people say of their conversation: which language, what is set, and to forget it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.events import Address, Case, Reply, Stop
from bot.phrases import language_name, phrase_languages, said
from bot.preferences import LANGUAGE
from prompts.names import language_names
from storage.base import conversation_scope
from tests.bot.filed import modelled, talking
from tests.contracts.store import answer, take, turns
from tests.fakes.openai import Answer

HERE = Address(channel="test", conversation="c")
ASKED = "How long do I have to return a kettle after delivery?"


# -- the language -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "wanted", ["de", "DE", "Deutsch", "german", "德语", "alemán", "de-AT", "auf Deutsch", " Deutsch. "]
)
async def test_a_language_may_be_named_in_many_ways(tmp_path: Path, wanted: str) -> None:
    """It is that of what is said about it, and of every answer from then on, whatever people write in."""
    async with talking(tmp_path) as talk:
        end = await talk.say(wanted, command="language", language="es")
        assert end.text == said("language_set", "de", spoken="Deutsch", auto="/language auto")
        assert end.language == "de"
        end = await talk.say(ASKED)
        assert (end.language, "30 days" in end.text) == ("de", True)
        assert end.text.startswith(said("other_language", "de", spoken="Englisch"))
        assert (await talk.say("Thanks!")).text == said("thanks", "de")
        assert (await talk.say("Hello", conversation="another")).language == "en"


async def test_the_language_outlives_the_process_and_forgetting(tmp_path: Path) -> None:
    """It is the conversation's own until somebody says otherwise; then each message's is."""
    async with talking(tmp_path) as talk:
        await talk.say("zh", command="language")
    async with talking(tmp_path) as talk:
        talk.count = 10
        assert (await talk.say("", command="forget")).text.startswith(said("forgotten", "zh"))
        assert (await talk.say("Thanks!")).language == "zh"
        assert (await talk.say("auto", command="language")).text == said("language_auto", "zh")
        assert (await talk.say(ASKED)).language == "en"


@pytest.mark.parametrize("between", ["Thanks!", ASKED, "ok", ""])
async def test_what_needs_no_words_is_in_the_language_that_was_spoken(tmp_path: Path, between: str) -> None:
    """A language that was chosen, and is chosen no more, is not what people speak: no answer in it makes it that."""
    async with talking(tmp_path) as talk:
        await talk.say(ASKED)
        await talk.say("de", command="language")
        if between:
            assert (await talk.say(between)).language == "de"
        await talk.say("auto", command="language")
        for command in ("summarize", "help", "settings"):
            assert (await talk.say("", command=command)).language == "en"
        assert (await talk.say("ok")).language == "en"


async def test_a_model_writes_in_the_language_that_was_chosen(tmp_path: Path) -> None:
    """Also in one in which the house itself says nothing."""
    async with modelled(tmp_path, Answer(pieces=("Trente jours.",)), privacy={"redact_before_model": True}) as (
        talk,
        fake,
    ):
        end = await talk.say("fr", command="language")
        assert end.text == said("language_set", "fr", spoken=language_name("fr", "fr"), auto="/language auto")
        await talk.say("Thanks!")
        assert "French" in str(fake.requests[0])


@pytest.mark.parametrize(
    "wanted", ["Klingon", "xx", "fr", "to Klingon: x", "[x](http://evil.example)", "***", "x" * 900]
)
async def test_a_language_that_is_not_known(tmp_path: Path, wanted: str) -> None:
    """Without a model there are the languages of the house. What there is, is said; nothing is changed."""
    async with talking(tmp_path) as talk:
        end = await talk.say(wanted, command="language", language="de")
        first, second = end.text.split("\n\n")
        assert first.startswith(said("unknown_language", "de", spoken="")[:20])
        assert len(first) < 120
        assert "http://" not in first
        assert all(f"{language_name(code, 'de')} ({code})" in second for code in phrase_languages())
        assert await talk.desk.store.preferences(HERE) == {}


@pytest.mark.parametrize("chosen", [True, False])
async def test_which_language_it_is(tmp_path: Path, chosen: bool) -> None:
    """It is said which, why, how to change it, and what there is."""
    async with talking(tmp_path) as talk:
        if chosen:
            await talk.say("es", command="language")
        end = await talk.say("", command="language", language="es")
        key = "language_chosen" if chosen else "language_found"
        how = said("language_how", "es", command="/language en", auto="/language auto")
        assert end.text.startswith(f"{said(key, 'es', spoken='español')}\n\n{how}\n\n")
        assert "alemán (de)" in end.text


@pytest.mark.parametrize("text", ["", "es"])
async def test_a_language_that_the_operator_fixed(tmp_path: Path, text: str) -> None:
    """It stays, and that is said, also where another was chosen before."""
    async with talking(tmp_path, language={"fixed": "de"}) as talk:
        await talk.desk.store.prefer(HERE, {LANGUAGE: "es"})
        assert (await talk.say(text, command="language")).text == said("language_fixed", "de", spoken="Deutsch")
        assert (await talk.say(ASKED)).language == "de"


def test_every_language_of_a_model_can_be_named() -> None:
    """By its code, and by the names under which the prompts know it."""
    from bot.settings import _code

    for code, name in language_names():
        assert _code(code) == _code(name) == code


# -- what is remembered -------------------------------------------------------------------------------
async def test_forgetting(tmp_path: Path) -> None:
    """Turns, notes and files are gone with the answer; the record stays, and so does what everybody may know."""
    async with talking(tmp_path) as talk:
        store = talk.desk.store
        await talk.say("My name is Ada.", talk.channel.file("figs.txt", "Figs cost 3 euros in our market."))
        assert "3 euros" in (await talk.say("What do figs cost in the market?")).text
        assert (await store.recall(HERE)).facts
        end = await talk.say("", command="forget", language="en")
        assert end.text == "\n\n".join(
            [
                said("forgotten", "en"),
                said("forgotten_kept", "en"),
                said("forgotten_erase", "en", contact="help@kettle.example"),
            ]
        )
        assert await store.turns(HERE) == []
        assert (await store.recall(HERE)).facts == ()
        assert await store.documents(scope=conversation_scope(HERE)) == []
        assert "3 euros" not in (await talk.say("What do figs cost in the market?")).text
        assert "30 days" in (await talk.say(ASKED)).text
        assert len(await store.history(HERE)) == 5


async def test_what_is_said_of_the_record(tmp_path: Path) -> None:
    """For how long it is kept where it expires, and whom to ask where nobody is named."""
    site = {"name": "Kettle House", "contact": ""}
    async with talking(tmp_path, site=site, privacy={"retention_days": 30}) as talk:
        end = await talk.say("", command="forget", language="de")
        assert said("forgotten_expire", "de", days="30") in end.text
        assert said("forgotten_erase_unknown", "de", name="Kettle House") in end.text


async def test_what_is_forgotten_is_not_summarised(tmp_path: Path) -> None:
    """Nor leant on by what is asked next; it can be asked for again and again."""
    async with talking(tmp_path) as talk:
        for _ in range(2):
            await talk.say(ASKED)
            await talk.say("", command="forget")
            assert (await talk.say("", command="summarize")).text == said("summarize_what", "en")


async def test_what_was_begun_is_done_when_somebody_says_stop(tmp_path: Path) -> None:
    """What is forgotten is the wish's, not of how far its answer was shown; a wish that is taken back leaves all."""
    async with talking(tmp_path, engine={"quote": {"delay_ms": 1_000}}) as talk:
        store = talk.desk.store
        for reason, left in (("withdrawn", 2), ("cancelled", 0)):
            lease = await take(store, talk.message(ASKED))
            await store.complete(lease, answer(lease), turns(lease) if reason == "withdrawn" else ())
            message = replace(talk.message(""), command="forget")
            await talk.desk.publish(message)
            async with talk.channel.changed:
                await talk.channel.changed.wait_for(
                    lambda of=message.id: any(
                        isinstance(event, Reply) and event.message_id == of and event.text
                        for event in talk.channel.sent
                    )
                )
            await talk.desk.publish(Stop(address=HERE, message_id=message.id, reason=reason))
            assert (await talk.channel.end(message.id)).finish_reason == reason  # type: ignore[union-attr]
            assert len(await store.turns(HERE)) == left


# -- all of it ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("language", sorted(phrase_languages()))
async def test_settings_say_what_is_and_how_to_change_it(tmp_path: Path, language: str) -> None:
    """The language, who answers, and how much is remembered, each with its command."""
    async with talking(tmp_path) as talk:
        await talk.say(language, command="language")
        await talk.say("My name is Ada.", talk.channel.file("figs.txt", "Figs cost 3 euros."))
        end = await talk.say("", command="settings")
        lines = end.text.split("\n")
        assert lines[0] == said("settings", language)
        assert said("language_chosen", language, spoken=language_name(language, language)) in lines[2]
        assert lines[3] == f"- {said('settings_assistant', language, command='/human')}"
        values = {"turns": "2", "facts": "1", "files": "1", "command": "/forget"}
        assert lines[4] == f"- {said('settings_remembered', language, **values)}"
        again = await talk.say("", command="settings")
        assert again.text == end.text


async def test_settings_say_who_has_the_conversation(tmp_path: Path) -> None:
    """Also while colleagues have it; and forgetting says that they still have what they were told."""
    handover = {"channel": "test", "conversation": "desk"}
    async with talking(tmp_path, handover=handover) as talk:
        await talk.say("", command="human")
        case = await talk.desk.store.case(HERE)
        assert isinstance(case, Case)
        assert said("settings_waiting", "en") in (await talk.say("", command="settings")).text
        assert said("forgotten_case", "en") in (await talk.say("", command="forget")).text
        taking = replace(talk.message("", name="Ana"), address=case.desk, command="take", sender="ana")
        await talk.desk.publish(taking)
        await talk.channel.end(taking.id)
        assert said("settings_taken", "en", agent="Ana") in (await talk.say("", command="settings")).text
        assert said("forgotten_case", "en") in (await talk.say("", command="forget")).text
        assert (await talk.say("es", command="language")).language == "es"
        assert (await talk.desk.store.case(HERE)) is not None


async def test_a_case_speaks_the_language_that_was_chosen(tmp_path: Path) -> None:
    """A wish for a person is understood in any language, and answered in the one that was asked for."""
    async with talking(tmp_path, handover={"channel": "test", "conversation": "desk"}) as talk:
        await talk.say("de", command="language")
        assert (await talk.say("I want to talk to a human")).text == said("case_opened", "de")
        case = await talk.desk.store.case(HERE)
        assert case is not None
        assert case.language == "de"


# -- what a channel knows of somebody's language ------------------------------------------------------
@pytest.mark.parametrize("text", [ASKED, "opening hours", "can i return it", "My name is Ada.", "Thanks!"])
async def test_what_a_client_speaks_is_only_expected(tmp_path: Path, text: str) -> None:
    """Who has a German phone and writes English is answered in English, from the first message on."""
    async with talking(tmp_path) as talk:
        assert (await talk.say(text, language="de-DE")).language == "en"


async def test_a_word_of_no_language_follows_the_conversation(tmp_path: Path) -> None:
    """What was spoken so far says more than the phone; the phone more than the configuration."""
    async with talking(tmp_path) as talk:
        assert (await talk.say("ok", language="de")).language == "de"
        await talk.say(ASKED, language="de")
        assert (await talk.say("ok", language="de")).language == "en"
        assert (await talk.say("", command="settings", language="de")).language == "en"
        assert (await talk.say("Wie lange kann ich den Kessel zurückgeben?", language="en")).language == "de"
        assert (await talk.say("ok", language="en")).language == "de"


async def test_what_is_quoted_is_in_the_language_that_was_chosen(tmp_path: Path) -> None:
    """Where the knowledge has it in several, whatever the question is in."""
    german = "Einen Kessel (kettle) können Sie bis zu 30 Tage nach Lieferung (delivery) zurückgeben (return)."
    async with talking(tmp_path) as talk:
        (tmp_path / "rueckgabe.md").write_text(f"---\nlanguage: de\n---\n# Rückgabe\n\n{german}\n", "utf-8")
        await talk.desk.knowledge.add([str(tmp_path / "rueckgabe.md")])
        assert "within 30 days" in (await talk.say(ASKED)).text
        await talk.say("de", command="language")
        assert (await talk.say(ASKED)).text.startswith("Einen Kessel")
