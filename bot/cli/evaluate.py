"""`frontdesk eval`: a file of questions through the whole way of a message, one line of JSON for each, and scores."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from rich.table import Table

from bot.cli.terminal import ConfigFile, Model, configuration, errors, run_async
from bot.errors import UsageError

if TYPE_CHECKING:
    from adapters.direct import Direct
    from bot.config import Config
    from bot.desk import Desk
    from bot.events import Message, Passage
    from bot.scoring.question import Question
    from bot.scoring.result import Result
    from storage.base import Store


def evaluate(
    knowledge: Annotated[Path, typer.Option("--knowledge", "-k", help="The file or folder to answer from.")],
    questions: Annotated[
        Path,
        typer.Option(
            "--questions",
            "-q",
            help="JSON lines: {id, question, history?: [{role, text}], lang?}; scored with any of "
            "{sources, must: [[alternatives]], must_not, declined}, by {kind}.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where to write one line of JSON for each question. Needed unless scored."),
    ] = None,
    config: ConfigFile = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Questions under way at once.")] = 1,
    model: Model = None,
    failures: Annotated[bool, typer.Option("--failures", help="List what went wrong, and why.")] = False,
    blind: Annotated[bool, typer.Option("--blind", help="Do not tell the bot each question's language.")] = False,
) -> None:
    """Answer a file of questions: {id, answer, sources, declined, language, seconds} for each; score what is expected.

    `sources` are file names: those that the answer cites first, then what else was found, best first.

    [bold]Examples[/bold]

      frontdesk eval --knowledge docs/ --questions questions.jsonl --out answers.jsonl
      frontdesk eval -k docs/ -q expected.jsonl --failures
      frontdesk eval -k docs/ -q questions.jsonl -o answers.jsonl --config shop.toml --jobs 8
      frontdesk eval -k docs/ -q questions.jsonl -o answers.jsonl --model models/qwen3-0.6b --jobs 16
    """
    from bot.scoring.judge import score_all
    from bot.scoring.question import read_questions

    asked = read_questions(questions)
    settings = configuration(config, model=model)
    scored = any(question.expects for question in asked)
    if out is not None:
        _may_be_written(out, questions)
    elif not scored:
        raise UsageError(f"{questions} expects nothing of the answers: say where to write them, with --out.")
    told = [question.model_copy(update={"lang": ""}) for question in asked] if blind else asked
    results = run_async(_evaluate(settings, knowledge, told, out, jobs))
    if scored:
        from bot.cli.eval_show import show_failures, show_scores

        scores = score_all(asked, results)
        show_scores(scores)
        if failures:
            show_failures(scores)
    else:
        _summarise(results)
    if out is not None:
        errors.print(f"Answers written to {out}", markup=False, highlight=False)


def _may_be_written(out: Path, questions: Path) -> None:
    """Before the work, not after it; what stands in `out` now is replaced only once there is an answer."""
    if out.exists() and out.samefile(questions):
        raise UsageError(f"{out} holds the questions; nothing was changed. Choose another file with --out.")
    if out.is_dir() or not os.access(out if out.exists() else out.absolute().parent, os.W_OK):
        raise UsageError(f"Cannot write {out}. Choose another file with --out.")


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


async def _evaluate(
    config: Config, knowledge: Path, questions: Sequence[Question], out: Path | None, jobs: int
) -> list[Result]:
    from adapters.direct import Direct
    from bot.cli.converse import prepared
    from bot.cli.progress import bar

    direct = Direct()
    slots = asyncio.Semaphore(jobs)
    async with prepared(config, knowledge, [direct]) as desk:
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

    found = await _found(desk, question)
    asked = message(question.question, conversation=f"eval-{question.id}", language=question.lang)
    await _recount(desk.store, question, asked)
    began = time.perf_counter()
    end = await direct.ask(asked)
    seconds = time.perf_counter() - began
    told = described(end)
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
        unheld=await _unheld(desk, told, found),
    )


async def _found(desk: Desk, question: Question) -> Sequence[Passage]:
    """What the answer can draw on, looked up in a conversation of its own, which leaves the answer its memory."""
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


def _summarise(results: Sequence[Result]) -> None:
    from bot.scoring.summary import percentile

    seconds = [result.seconds for result in results]
    table = Table(show_header=False, box=None)
    table.add_row("questions", str(len(results)))
    table.add_row("declined", str(sum(result.declined for result in results)))
    table.add_row("median answer", f"{statistics.median(len(result.answer) for result in results):.0f} characters")
    table.add_row("seconds", f"p50 {percentile(seconds, 0.5):.3f}   p95 {percentile(seconds, 0.95):.3f}")
    errors.print(table)
