"""Questions through the whole way of a message: a desk of its own, an answer and what it is from for each."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from bot.errors import UsageError

if TYPE_CHECKING:
    from adapters.direct import Direct
    from bot.config import Config
    from bot.desk import Desk
    from bot.events import Message, Passage
    from bot.scoring.question import Question
    from bot.scoring.result import Result
    from storage.base import Store


async def answered(
    config: Config, knowledge: Path, questions: Sequence[Question], out: Path | None, jobs: int
) -> list[Result]:
    """Answer `questions` from `knowledge`, at most `jobs` at once; each result is written to `out` as it comes."""
    from adapters.direct import Direct
    from bot.cli.converse import prepared
    from bot.cli.progress import bar

    direct = Direct()
    slots = asyncio.Semaphore(jobs)
    privacy = config.privacy.model_copy(update={"explanations": True})
    settings = config.model_copy(update={"privacy": privacy})
    async with prepared(settings, knowledge, [direct], warming="first") as desk:
        languages = {Path(one.location).name: one.language for one in await desk.store.documents()}
        with bar() as progress, _written(out) as write:
            task = progress.add_task("Answering", total=len(questions))

            async def one(question: Question) -> Result:
                async with slots:
                    result = await _answer(direct, desk, question, languages)
                progress.advance(task)
                return result

            tasks = [asyncio.create_task(one(question)) for question in questions]
            results = []
            for done in tasks:
                results.append(await done)
                write(results[-1])
    return results


async def _answer(direct: Direct, desk: Desk, question: Question, languages: Mapping[str, str]) -> Result:
    from bot.cli.converse import described, message
    from bot.scoring.result import Result

    asked = message(question.question, conversation=f"eval-{question.id}", language=question.lang)
    await _recount(desk.store, question, asked)
    began = time.perf_counter()
    end = await direct.ask(asked)
    seconds = time.perf_counter() - began
    told, found = described(end), await _found(desk, question)
    how = await desk.store.explanation(asked.address.channel, asked.id) or {}
    names = list(dict.fromkeys([*told["sources"], *(Path(passage.location).name for passage in found)]))
    return Result(
        id=question.id,
        answer=told["answer"],
        sources=tuple(names),
        cited=tuple(told["sources"]),
        languages={name: languages[name] for name in (*names, *question.sources) if languages.get(name)},
        declined=told["declined"],
        language=told["language"],
        seconds=round(seconds, 4),
        score=how.get("confidence"),
        threshold=(how.get("decided") or {}).get("threshold"),
        unheld=await _unheld(desk, told, found),
    )


async def _found(desk: Desk, question: Question) -> Sequence[Passage]:
    """What the answer could draw on. Looked up after it, so that nothing is remembered that would make it quicker, and
    in a conversation of its own, in which the question was not answered yet."""
    from bot.cli.converse import message

    asked = message(question.question, conversation=f"eval-{question.id}-found", language=question.lang)
    await _recount(desk.store, question, asked)
    return await desk.answering.consulted(asked)


async def _unheld(desk: Desk, told: Mapping[str, Any], found: Sequence[Passage]) -> tuple[float, ...]:
    """The numbers of the answer that no passage which was found, document that is cited or contact states."""
    from bot.answer.claims import CITED
    from bot.answer.figures import unheld

    texts = [desk.config.site.name, desk.config.site.contact, *map(_whole, found)]
    for citation in told["citations"]:
        texts += [_whole(stored.passage) for stored in await desk.store.passages_of(citation["location"])]
    return tuple(sorted(unheld(CITED.sub("", told["answer"]), "\n".join(texts))))


def _whole(passage: Passage) -> str:
    return "\n".join((passage.title, *passage.heading, passage.text))


async def _recount(store: Store, question: Question, about: Message) -> None:
    """Put what was said before into the conversation, as if it had happened here."""
    from bot.cli.converse import message
    from bot.events import Reply, Turn

    for number, said in enumerate(question.history):
        if said.role != "user":
            continue
        answer = question.history[number + 1] if number + 1 < len(question.history) else None
        text = answer.text if answer and answer.role == "assistant" else ""
        asked = message(said.text, conversation=about.address.conversation, language=question.lang)
        await store.accept(asked)
        lease = await store.lease(asked, 60)
        if lease is None:
            continue
        turns = [Turn(role="user", text=said.text, language=question.lang, at=asked.sent_at)]
        if text:
            turns.append(Turn(role="assistant", text=text, language=question.lang, at=time.time()))
        reply = Reply(
            message_id=asked.id, attempt=1, address=asked.address, text=text, seq=0, final=True, finish_reason="stop"
        )
        outgoing = await store.complete(lease, reply, turns)
        await store.delivered(outgoing.number)


@contextmanager
def _written(out: Path | None) -> Iterator[Callable[[Result], None]]:
    """A function that adds a line to `out`, if there is one; what stood there goes with the first one."""
    with ExitStack() as stack:
        file: TextIO | None = None

        def add(result: Result) -> None:
            nonlocal file
            if out is None:
                return
            try:
                if file is None:
                    file = stack.enter_context(out.open("w", encoding="utf-8"))
                file.write(json.dumps(result.model_dump(), ensure_ascii=False) + "\n")
                file.flush()
            except OSError as error:
                raise UsageError(f"Cannot write {out}: {error.strerror}. Choose another file with --out.") from None

        yield add
