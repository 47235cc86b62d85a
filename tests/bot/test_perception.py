"""What people say and show is read as if they had written it, and they are told what was understood."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.engine.base import EngineFault
from bot.engine.senses import NotPerceived
from bot.errors import SourceError
from bot.events import Attachment, Failed, Message, Reply
from bot.phrases import phrase_languages, said
from bot.senses import Senses
from bot.shown import short
from tests.bot.filed import Talk, modelled, talking
from tests.fakes.openai import Answer, Refuse

ASKED = "How long do I have to return a kettle?"
SPOKEN = {"de": "Wie lange habe ich Zeit, einen Wasserkocher zurückzugeben?", "en": ASKED}


@dataclass
class Ears:
    """Hears what it is told to, and remembers what it was given. A `deep` one listens until it is cancelled."""

    words: str | Exception = ASKED
    heard: list[tuple[bytes, str, str]] = field(default_factory=list)
    deep: bool = False
    ended: list[str] = field(default_factory=list)
    warmed: int = 0
    closed: int = 0

    async def hear(self, audio: bytes, media_type: str, language: str) -> str:
        self.heard.append((audio, media_type, language))
        if self.deep:
            try:
                await asyncio.Event().wait()
            finally:
                self.ended.append("cancelled")
        if isinstance(self.words, Exception):
            raise self.words
        return self.words

    async def warm(self) -> None:
        self.warmed += 1
        if isinstance(self.words, EngineFault):
            raise self.words

    async def close(self) -> None:
        self.closed += 1


@dataclass
class Eyes:
    words: str | Exception
    seen: list[tuple[bytes, str, str]] = field(default_factory=list)

    async def see(self, image: bytes, media_type: str, question: str) -> str:
        self.seen.append((image, media_type, question))
        if isinstance(self.words, Exception):
            raise self.words
        return self.words


def voice(talk: Talk, name: str = "voice-1.ogg", **more: Any) -> Attachment:
    """A voice note, as Telegram's adapter hands it over."""
    return talk.channel.file(name, b"OggS of " + name.encode(), media_type="audio/ogg", **more)


def photo(talk: Talk, name: str = "photo-1.jpg") -> Attachment:
    return talk.channel.file(name, b"\xff\xd8 of " + name.encode(), media_type="image/jpeg")


def hears(ears: Ears) -> dict[str, Any]:
    return {"senses": Senses(hearing=ears)}


# -- what is understood --------------------------------------------------------------------------------
async def test_a_voice_note_is_answered_like_a_text(tmp_path: Path) -> None:
    """Its words are the question. The answer begins with them, in one line, and they are what is remembered."""
    ears = Ears()
    async with talking(tmp_path, **hears(ears)) as talk:
        end = await talk.say("", voice(talk))
        lead, answer = end.text.split("\n\n", 1)
        assert lead == f"> I heard: “{ASKED}”"
        assert "30 days" in answer
        assert [source.title for source in end.citations] == ["Returns"]
        assert ears.heard == [(b"OggS of voice-1.ogg", "audio/ogg", "")]
        asked, answered = [turn.text for _, turn in await talk.desk.store.turns(end.address)]
        assert (asked, "heard" in answered) == (ASKED, False)
        assert not await talk.desk.store.documents(scope=None) or all(
            document.title != "voice-1.ogg" for document in await talk.desk.store.documents(scope=None)
        )


async def test_what_was_understood_is_shown_before_the_answer(tmp_path: Path) -> None:
    """First that something is being done, then the quote, then the answer below it; each later than the one before."""
    async with talking(tmp_path, **hears(Ears())) as talk:
        end = await talk.say("", voice(talk))
        replies = [event for event in talk.channel.sent if isinstance(event, Reply)]
        assert all(reply.text == "" or reply.text.startswith("> I heard:") for reply in replies)
        numbers = [reply.seq for reply in replies]
        assert numbers == sorted(set(numbers)) and replies[-1] is end


@pytest.mark.parametrize("language", sorted(phrase_languages()))
async def test_it_is_quoted_in_the_persons_language(tmp_path: Path, language: str) -> None:
    """By what was said, or where that tells nothing by what the channel knows."""
    async with talking(tmp_path, **hears(Ears("12345"))) as talk:
        end = await talk.say("", voice(talk), language=language)
        assert end.text.startswith("> " + said("heard", language, text="12345"))
        assert end.language == language


async def test_what_was_spoken_before_is_a_hint(tmp_path: Path) -> None:
    """First what the channel knows of the sender, then what was said in this conversation."""
    ears = Ears(SPOKEN["de"])
    async with talking(tmp_path, **hears(ears)) as talk:
        first = await talk.say("", voice(talk), language="es")
        await talk.say("", voice(talk, "voice-2.ogg"), language="es")
        assert first.text.startswith("> Verstanden habe ich: „Wie lange")
        assert [language for _, _, language in ears.heard] == ["es", "de"]


async def test_a_caption_stands_before_what_was_said(tmp_path: Path) -> None:
    """Both are the message; several recordings are quoted together."""
    ears = Ears()
    async with talking(tmp_path, engine={"kind": "echo"}, **hears(ears)) as talk:
        end = await talk.say("About this:", voice(talk), voice(talk, "voice-2.ogg"))
        assert end.text == f"> I heard: “{ASKED} {ASKED}”\n\nAbout this:\n{ASKED}\n{ASKED}"


async def test_a_command_is_done_on_what_was_said(tmp_path: Path) -> None:
    """A recording can be summarised and translated, and its tone judged."""
    story = "The kettle arrived broken. " + "We wrote to the shop about it. " * 12 + "The shop sent a new one."
    async with modelled(tmp_path, Answer(pieces=("Kaputt.",)), **hears(Ears(story))) as (talk, fake):
        end = await talk.say("to German", voice(talk), command="translate")
        assert end.text.endswith("\n\nKaputt.")
        assert "The kettle arrived broken." in str(fake.requests[0]["messages"])
    async with talking(tmp_path / "second", **hears(Ears(story))) as talk:
        end = await talk.say("", voice(talk), command="summarize")
        assert said("summary_lead", "en") in end.text
        end = await talk.say("", voice(talk), command="sentiment")
        assert "The tone is" in end.text or "the tone is" in end.text


async def test_what_needs_no_words_is_not_listened_to(tmp_path: Path) -> None:
    """Help is help, whatever came with it."""
    ears = Ears()
    async with talking(tmp_path, **hears(ears)) as talk:
        end = await talk.say("", voice(talk), command="help")
        assert end.text.startswith(said("help", "en", name="Kettle House"))
        assert end.text.endswith(f"{said('help_files', 'en')} {said('help_voice', 'en')}")
        assert not ears.heard


async def test_who_only_hears_says_so_of_a_picture(tmp_path: Path) -> None:
    """What it cannot do, and all that it can."""
    async with talking(tmp_path, **hears(Ears())) as talk:
        end = await talk.say("", photo(talk))
        assert end.text == "\n\n".join(said(key, "en") for key in ("blind", "help_files", "help_voice"))


async def test_a_picture_is_seen_with_the_question_that_came_with_it(tmp_path: Path) -> None:
    """What there is to see joins the question, and is told apart from what was heard."""
    eyes = Eyes("A kettle with a return slip.")
    senses = Senses(hearing=Ears("Can I give it back?"), seeing=eyes)
    async with talking(tmp_path, engine={"kind": "echo"}, senses=senses) as talk:
        end = await talk.say("What is this?", photo(talk), voice(talk))
        lead, asked = end.text.split("\n\n")
        assert lead == "> I heard: “Can I give it back?”\n> I see: “A kettle with a return slip.”"
        assert asked == "What is this?\nA kettle with a return slip.\nCan I give it back?"
        assert eyes.seen == [(b"\xff\xd8 of photo-1.jpg", "image/jpeg", "What is this?")]


@pytest.mark.parametrize(
    ("words", "as_shown"),
    [
        ("Two\n lines", "Two lines"),
        ("See [here](https://evil.example) and [1]", "See [here]\\(https://evil.example) and (1)"),
        ("**loud** <b>bold</b> `code`", "\\*\\*loud\\*\\* bold \\`code\\`"),
        ("word " * 60, "word " * 39 + "word …"),
        ("字" * 300, "字" * 200 + " …"),
    ],
)
def test_a_quote_is_one_short_line(words: str, as_shown: str) -> None:
    """Nothing that was said is taken for markup, a link or a source."""
    assert short(words) == as_shown


# -- what is not ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("language", sorted(phrase_languages()))
@pytest.mark.parametrize(("key", "attach"), [("deaf", voice), ("blind", photo)])
async def test_without_a_model_it_says_what_it_can_do(tmp_path: Path, key: str, attach: Any, language: str) -> None:
    """And what it cannot, in the person's language; nothing is fetched."""
    async with talking(tmp_path) as talk:
        end = await talk.say("", attach(talk), language=language)
        assert end.text == f"{said(key, language)}\n\n{said('help_files', language)}"
        assert not talk.channel.fetched


async def test_a_caption_is_answered_without_a_model(tmp_path: Path) -> None:
    """Below the answer stands that the rest was neither heard nor seen."""
    async with talking(tmp_path) as talk:
        end = await talk.say(ASKED, voice(talk), photo(talk), photo(talk, "photo-2.jpg"))
        assert "30 days" in end.text
        assert end.text.endswith(f"\n\n{said('deaf_asked', 'en')}\n\n{said('blind_asked', 'en')}")


async def test_documents_are_read_all_the_same(tmp_path: Path) -> None:
    """A file beside a picture joins the conversation."""
    async with talking(tmp_path) as talk:
        end = await talk.say("", talk.channel.file("samovar.md", "Descale it with vinegar."), photo(talk))
        assert end.text.startswith(said("files_read", "en", files="`samovar.md`"))
        assert said("blind", "en") in end.text


FAULTS = [
    (NotPerceived("x", why="damaged"), "sound_damaged", {}),
    (NotPerceived("x", why="silent"), "sound_silent", {}),
    (NotPerceived("x", why="long", limit=90), "sound_longer", {"minutes": "1.5"}),
    (NotPerceived("x", why="long"), "sound_long", {}),
    (NotPerceived("x", why="large", limit=2e6), "file_larger", {"size": "2 MB"}),
    (NotPerceived("x", why="large"), "file_large", {}),
    (NotPerceived("x", why="busy"), "sound_busy", {}),
    (NotPerceived("x", why="slow"), "sound_slow", {}),
    (NotPerceived("x"), "sound_failed", {}),
    (EngineFault("No such model."), "sound_failed", {}),
    (RuntimeError("what was said"), "sound_failed", {}),
]


@pytest.mark.parametrize(("fault", "key", "values"), FAULTS)
async def test_each_fault_is_told(tmp_path: Path, fault: Exception, key: str, values: dict[str, str]) -> None:
    """With its reason, in the person's language; a caption is answered all the same."""
    async with talking(tmp_path, **hears(Ears(fault))) as talk:
        for language in ("en", "de"):
            end = await talk.say("", voice(talk, f"{language}.ogg"), language=language, conversation=language)
            assert end.text == said("unheard", language, why=said(key, language, **values))
        answered = await talk.say(ASKED, voice(talk))
        assert "30 days" in answered.text
        assert answered.text.endswith(said("unheard", "en", why=said(key, "en", **values)))


@pytest.mark.parametrize(
    ("fault", "key"),
    [(NotPerceived("x", why="damaged"), "file_damaged"), (NotPerceived("x", why="busy"), "sense_failed")],
)
async def test_a_picture_that_could_not_be_seen_is_told(tmp_path: Path, fault: Exception, key: str) -> None:
    """Not as if it had been a recording."""
    async with talking(tmp_path, senses=Senses(seeing=Eyes(fault))) as talk:
        end = await talk.say("", photo(talk))
        assert end.text == said("unseen", "en", why=said(key, "en"))


async def test_what_cannot_be_written_is_left_out(tmp_path: Path) -> None:
    """A model may give characters that no channel takes."""
    async with talking(tmp_path, engine={"kind": "echo"}, **hears(Ears("One\x12 \u202etwo\ud800\n three"))) as talk:
        assert (await talk.say("", voice(talk))).text == "> I heard: “One two three”\n\nOne two three"


async def test_words_that_are_none_are_silence(tmp_path: Path) -> None:
    """A model may find nothing without saying so."""
    async with talking(tmp_path, **hears(Ears(" \n"))) as talk:
        end = await talk.say("", voice(talk))
        assert end.text == said("unheard", "en", why=said("sound_silent", "en"))


async def test_what_is_too_large_is_not_fetched(tmp_path: Path) -> None:
    """The size that the channel tells is enough; one that lies is found out."""
    ears = Ears()
    async with talking(tmp_path, knowledge={"max_file_bytes": 1_000}, **hears(ears)) as talk:
        end = await talk.say("", voice(talk, size=1_001))
        why = said("file_larger", "en", size="1 kB")
        assert end.text == said("unheard", "en", why=why) and not talk.channel.fetched
        lying = talk.channel.file("liar.ogg", b"x" * 1_001, media_type="audio/ogg", size=10)
        assert (await talk.say("", lying)).text == end.text
        assert not ears.heard


async def test_what_cannot_be_had_is_told(tmp_path: Path) -> None:
    """By the channel's reason, or its sentence."""
    async with talking(tmp_path, **hears(Ears())) as talk:
        faults = [SourceError("gone", why="missing"), SourceError("It was never here."), ConnectionError("secret")]
        ends = []
        for number, fault in enumerate(faults):
            gone = talk.channel.file(f"{number}.ogg", fault, media_type="audio/ogg")
            ends.append((await talk.say("", gone)).text)
    missing = said("unheard", "en", why=said("file_missing", "en"))
    assert ends == [missing, said("unheard", "en", why="It was never here."), missing]


async def test_no_more_of_one_message_than_there_may_be_files(tmp_path: Path) -> None:
    """The rest is named."""
    ears = Ears("Hello")
    async with talking(tmp_path, **hears(ears)) as talk:
        end = await talk.say("", *(voice(talk, f"{number}.ogg") for number in range(7)))
        assert len(ears.heard) == 5
        assert end.text.endswith(said("files_left", "en", count="5", files="`5.ogg`; `6.ogg`"))


async def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    """The work too, not only the waiting for it."""
    ears = Ears(deep=True)
    async with talking(tmp_path, voice={"timeout_seconds": 0.05}, **hears(ears)) as talk:
        end = await talk.say("", voice(talk))
        assert end.text == said("unheard", "en", why=said("sound_slow", "en"))
        assert ears.ended == ["cancelled"]


# -- while it listens ------------------------------------------------------------------------------------
async def listening(ears: Ears, count: int = 1) -> None:
    async with asyncio.timeout(20):
        while len(ears.heard) < count:
            await asyncio.sleep(0.002)


async def test_a_stop_ends_the_listening(tmp_path: Path) -> None:
    """Nothing is answered, and the model is free."""
    ears = Ears(deep=True)
    async with talking(tmp_path, **hears(ears)) as talk:
        message = talk.message("", voice(talk))
        await talk.desk.publish(message)
        await listening(ears)
        assert talk.desk.work.house.stop(message.address, message.id)
        end = await talk.channel.end(message.id)
        assert isinstance(end, Reply) and (end.finish_reason, end.text) == ("cancelled", "")
        assert ears.ended == ["cancelled"]


async def test_conversations_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """While one is listened to, another is answered; each recording is heard as its own."""
    ears = Ears(deep=True)
    async with talking(tmp_path, **hears(ears)) as talk:
        held = talk.message("", voice(talk), conversation="slow")
        await talk.desk.publish(held)
        await listening(ears)
        assert "30 days" in (await talk.say(ASKED, conversation="other")).text
        ears.deep = False
        assert "30 days" in (await talk.say("", voice(talk, "second.ogg"), conversation="third")).text
        assert not talk.channel.ends(held.id)
        talk.desk.work.house.stop(held.address, held.id)
        await talk.channel.end(held.id)


async def test_more_than_can_be_held_are_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And when there is room again, heard."""
    monkeypatch.setattr("bot.perception.HELD", 2)
    ears = Ears(deep=True)
    async with talking(tmp_path, **hears(ears)) as talk:
        held = [talk.message("", voice(talk), conversation=f"held {number}") for number in range(2)]
        for message in held:
            await talk.desk.publish(message)
        await listening(ears, 2)
        refused = await talk.say("", voice(talk), conversation="late")
        assert refused.text == said("unheard", "en", why=said("sound_busy", "en"))
        for message in held:
            talk.desk.work.house.stop(message.address, message.id)
            await talk.channel.end(message.id)
        ears.deep = False
        assert "30 days" in (await talk.say("", voice(talk), conversation="later")).text


async def test_a_recording_that_another_message_took_the_place_of_is_heard(tmp_path: Path) -> None:
    """Policy `debounce`: the recording came first, a text after it; both are answered, and the quote stands there."""
    ears = Ears("How long do I have")
    async with talking(tmp_path, bus={"busy": "debounce", "debounce_seconds": 1}, **hears(ears)) as talk:
        first = talk.message("", voice(talk))
        await talk.desk.publish(first)
        end = await talk.say("to return a kettle?")
        assert end.text.startswith("> I heard: “How long do I have”")
        assert "30 days" in end.text
        merged = await talk.channel.end(first.id)
        assert getattr(merged, "finish_reason", "") == "merged"


async def test_another_attempt_does_not_listen_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was heard is kept until its message has ended, and no longer."""
    monkeypatch.setattr("bot.work._FIRST_PAUSE", 0.0)
    ears = Ears()
    async with talking(tmp_path, **hears(ears)) as talk:
        perceiving: Any = talk.desk.answering
        answer, attempts = perceiving.inner.answer, []

        async def breaks_once(message: Message, *rest: Any) -> Any:
            attempts.append(message.text)
            if len(attempts) == 1:
                raise RuntimeError("the first attempt breaks")
            return await answer(message, *rest)

        monkeypatch.setattr(perceiving.inner, "answer", breaks_once)
        end = await talk.say("", voice(talk))
        assert "30 days" in end.text
        assert (attempts, len(ears.heard)) == ([ASKED, ASKED], 1)
        assert not perceiving._perception._known


async def test_what_was_said_is_in_no_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither when it was understood nor when it was not."""
    ears = Ears("a secret that was said")
    async with talking(tmp_path, **hears(ears)) as talk:
        await talk.say("", voice(talk))
        ears.words = RuntimeError("a secret that was said")
        await talk.say("", voice(talk, "voice-2.ogg"))
    written = capfd.readouterr()
    assert "secret" not in written.out + written.err
    assert "sense.failed" in written.out + written.err


async def test_a_failed_answer_is_no_quote(tmp_path: Path) -> None:
    """What the person is told of a failure stands by itself."""
    async with modelled(tmp_path, Refuse(status=400), page="", **hears(Ears("Hm?"))) as (talk, _):
        end = await talk.end("", voice(talk))
        assert isinstance(end, Failed)
        assert end.said == said("failed", "en")


# -- life ------------------------------------------------------------------------------------------------
async def test_senses_are_warmed_and_given_back(tmp_path: Path) -> None:
    """In the background at the start, one that is both only once; one that cannot be loaded stops nothing."""

    class Both(Ears, Eyes):
        pass

    both: Any = Both(words=EngineFault("There is no such model."))
    async with talking(tmp_path, senses=Senses(hearing=both, seeing=both)) as talk:
        async with asyncio.timeout(20):
            while not both.warmed:
                await asyncio.sleep(0.002)
        assert "30 days" in (await talk.say(ASKED)).text
    assert (both.warmed, both.closed) == (1, 1)
