"""`frontdesk eval`: a file of questions through the whole way of a message, one line of JSON for each."""

from __future__ import annotations

import asyncio
import json
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO

import typer
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rich.table import Table

from bot.cli.terminal import ConfigFile, Model, configuration, errors, run_async
from bot.errors import UsageError

if TYPE_CHECKING:
    from adapters.direct import Direct
    from bot.config import Config
    from bot.desk import Desk
    from bot.events import Message
    from storage.base import Store


class Said(BaseModel):
    role: Literal["user", "assistant"]
    text: str


class Question(BaseModel):
    """One line of the question file; what else stands there is for the scorer and is left alone."""

    model_config = ConfigDict(extra="ignore")

    id: str | int
    question: str = Field(min_length=1)
    history: tuple[Said, ...] = ()
    lang: str = ""


def evaluate(
    knowledge: Annotated[Path, typer.Option("--knowledge", "-k", help="The file or folder to answer from.")],
    questions: Annotated[
        Path, typer.Option("--questions", "-q", help="JSON lines: {id, question, history?: [{role, text}], lang?}.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write one line of JSON for each question.")],
    config: ConfigFile = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Questions under way at once.")] = 1,
    model: Model = None,
) -> None:
    """Answer a file of questions: {id, answer, sources, declined, language, seconds} for each.

    `sources` are file names: those that the answer cites first, then what else was found, best first.

    [bold]Examples[/bold]

      frontdesk eval --knowledge docs/ --questions questions.jsonl --out answers.jsonl
      frontdesk eval -k docs/ -q questions.jsonl -o answers.jsonl --config shop.toml --jobs 8
      frontdesk eval -k docs/ -q questions.jsonl -o answers.jsonl --model models/qwen3-0.6b --jobs 16
    """
    asked = read(questions)
    settings = configuration(config, model=model)
    _may_be_written(out, questions)
    _summarise(run_async(_evaluate(settings, knowledge, asked, out, jobs)), out)


def _may_be_written(out: Path, questions: Path) -> None:
    """Before the work, not after it; what stands in `out` now is replaced only once there is an answer."""
    if out.exists() and out.samefile(questions):
        raise UsageError(f"{out} holds the questions; nothing was changed. Choose another file with --out.")
    if out.is_dir() or not os.access(out if out.exists() else out.absolute().parent, os.W_OK):
        raise UsageError(f"Cannot write {out}. Choose another file with --out.")


@contextmanager
def _written(out: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A function that adds a line to `out`; what stood there goes with the first one."""
    with ExitStack() as stack:
        file: TextIO | None = None

        def add(result: dict[str, Any]) -> None:
            nonlocal file
            try:
                if file is None:
                    file = stack.enter_context(out.open("w", encoding="utf-8"))
                file.write(json.dumps(result, ensure_ascii=False) + "\n")
                file.flush()
            except OSError as error:
                raise UsageError(f"Cannot write {out}: {error.strerror}. Choose another file with --out.") from None

        yield add


def read(file: Path) -> list[Question]:
    """The questions of `file`. Raises `UsageError` with the number of the line that is wrong."""
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise UsageError(f"Cannot read the questions in {file}: {error.strerror}. Check --questions.") from None
    except UnicodeDecodeError:
        raise UsageError(f"Cannot read the questions in {file}: it is not UTF-8. Save it as UTF-8.") from None
    found: list[Question] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(Question.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise UsageError(f"{file}, line {number}: {where or 'JSON'}: {first['msg']}.") from None
    if not found:
        raise UsageError(f"There is no question in {file}. Each line is a JSON object with id and question.")
    return found


async def _evaluate(
    config: Config, knowledge: Path, questions: list[Question], out: Path, jobs: int
) -> list[dict[str, Any]]:
    from adapters.direct import Direct
    from bot.cli.converse import prepared
    from bot.cli.progress import bar

    direct = Direct()
    slots = asyncio.Semaphore(jobs)
    async with prepared(config, knowledge, [direct]) as desk:
        with bar() as progress, _written(out) as write:
            task = progress.add_task("Answering", total=len(questions))

            async def one(question: Question) -> dict[str, Any]:
                async with slots:
                    result = await _answer(direct, desk, question)
                progress.advance(task)
                return result

            tasks = [asyncio.create_task(one(question)) for question in questions]
            results = []
            for done in tasks:
                results.append(await done)
                write(results[-1])
    return results


async def _answer(direct: Direct, desk: Desk, question: Question) -> dict[str, Any]:
    from bot.cli.converse import described, message

    asked = message(question.question, conversation=f"eval-{question.id}", language=question.lang)
    await _recount(desk.store, question, asked)
    found = await desk.answering.consulted(asked)
    began = time.perf_counter()
    end = await direct.ask(asked)
    seconds = time.perf_counter() - began
    told = described(end)
    names = [*told["sources"], *(Path(passage.location).name for passage in found)]
    return {
        "id": question.id,
        "answer": told["answer"],
        "sources": list(dict.fromkeys(names)),
        "declined": told["declined"],
        "language": told["language"],
        "seconds": round(seconds, 4),
    }


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


def _summarise(results: list[dict[str, Any]], out: Path) -> None:
    seconds = sorted(result["seconds"] for result in results)
    table = Table(show_header=False, box=None)
    table.add_row("questions", str(len(results)))
    table.add_row("declined", str(sum(result["declined"] for result in results)))
    table.add_row("median answer", f"{statistics.median(len(result['answer']) for result in results):.0f} characters")
    table.add_row(
        "seconds", f"p50 {statistics.median(seconds):.3f}   p95 {seconds[math.ceil(0.95 * len(seconds)) - 1]:.3f}"
    )
    table.add_row("written to", str(out))
    errors.print(table)
