"""`frontdesk chat` and `frontdesk ask`: the whole way of a message, from a terminal."""

from __future__ import annotations

import json
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

from bot.cli.terminal import (
    ConfigFile,
    DataFolder,
    Model,
    configuration,
    encodes_all,
    errors,
    output,
    run_async,
    set_up_logging,
)
from bot.errors import UsageError
from bot.events import Address, Failed, Message, Reply

if TYPE_CHECKING:
    from bot.cli.explain import Told
    from bot.config import Config
    from bot.desk import Desk

Warming = Literal["first", "meanwhile", "never"]

KnowledgeFolder = Annotated[
    Path | None,
    typer.Option("--knowledge", "-k", help="Answer from this file or folder alone, without a project."),
]


def ask(
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    knowledge: KnowledgeFolder = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show how the answer came about, too.")] = False,
    config: ConfigFile = None,
    data: DataFolder = None,
    model: Model = None,
) -> None:
    """Ask one question and print the answer with its sources.

    [bold]Examples[/bold]

      frontdesk ask "How long does shipping take?" --knowledge docs/
      frontdesk ask "How long does shipping take?" --knowledge docs/ --model models/qwen3-0.6b
      frontdesk ask "How long does shipping take?" --knowledge docs/ --explain
      frontdesk ask "退货要多久？" --json
    """
    if not question.strip():
        raise UsageError("The question is empty. Write it after `ask`, in quotes.")
    settings = configuration(config, data, model=model, privacy={"explanations": True} if explain else {})
    end, told = run_async(_ask(settings, question, knowledge, explain))
    if as_json:
        answer = {**described(end), **({"explanation": told.explanations[0]} if told else {})}
        typer.echo(json.dumps(answer, ensure_ascii=not encodes_all(sys.stdout)))
    elif told:
        _show_way(told)
    else:
        show(end)
    if isinstance(end, Failed):
        raise typer.Exit(1)


def chat(
    knowledge: KnowledgeFolder = None,
    config: ConfigFile = None,
    data: DataFolder = None,
    model: Model = None,
    language: Annotated[str, typer.Option(help='What you will write in, such as "de"; else it is detected.')] = "",
) -> None:
    """Talk to the bot in the terminal. /help lists what can be typed; Ctrl-C stops an answer.

    [bold]Examples[/bold]

      frontdesk chat
      frontdesk chat --knowledge docs/
      frontdesk chat --model models/qwen3-0.6b
    """
    run_async(_chat(configuration(config, data, model=model), knowledge, language))


async def _ask(
    config: Config, question: str, knowledge: Path | None, explain: bool
) -> tuple[Reply | Failed, Told | None]:
    from adapters.direct import Direct
    from bot.cli.explain import of_message

    direct = Direct()
    async with prepared(config, knowledge, [direct]) as desk:
        asked = message(question, conversation=uuid.uuid4().hex)
        end = await direct.ask(asked)
        return end, await of_message(desk.store, asked.address, asked.id) if explain else None


def _show_way(told: Told) -> None:
    from bot.cli import explained

    explained.show(output, told.exchanges[0], told.explanations[0] or {})


async def _chat(config: Config, knowledge: Path | None, language: str) -> None:
    from adapters.console import ConsoleAdapter

    console = Console()
    adapter = ConsoleAdapter(console, language=language)
    async with prepared(config, knowledge, [adapter], quick=False, warming="meanwhile"):
        await adapter.left()


def message(text: str, *, conversation: str, language: str = "") -> Message:
    """A message on the direct channel."""
    return Message(
        id=uuid.uuid4().hex,
        address=Address(channel="direct", conversation=conversation),
        sender="operator",
        text=text,
        sent_at=time.time(),
        language=language,
    )


@asynccontextmanager
async def prepared(
    config: Config,
    knowledge: Path | None,
    adapters: Sequence[Any],
    *,
    quick: bool = True,
    warming: Warming = "never",
) -> AsyncIterator[Desk]:
    """A running desk with `adapters` alone; with `knowledge`, in a folder of its own that is removed afterwards.

    `quick` leaves out the pauses that make a quote read like a model's answer. `warming` says when what answers load
    lazily is loaded: "first", before any question; "meanwhile", as a server does; "never", when a question needs it.
    """
    from bot.cli.progress import add_with_progress, opened

    _must_exist(knowledge)
    with tempfile.TemporaryDirectory(prefix="frontdesk-") as folder:
        settings = config.model_copy(update={"data": Path(folder)}) if knowledge else config
        if quick:
            quote = settings.engine.quote.model_copy(update={"delay_ms": 0.0})
            settings = settings.model_copy(update={"engine": settings.engine.model_copy(update={"quote": quote})})
        set_up_logging(settings.model_copy(update={"log": settings.log.model_copy(update={"level": "error"})}))
        async with opened(settings, adapters) as desk:
            if knowledge:
                await add_with_progress(desk.knowledge, [str(knowledge)], quiet_when_unchanged=True)
            await _must_know(desk, knowledge)
            with errors.status("Loading the embedding model …"):
                await (desk.warm() if warming == "first" else desk.knowledge.warm())
            await desk.start(warm=warming == "meanwhile")
            try:
                yield desk
            finally:
                await desk.close()


def _must_exist(knowledge: Path | None) -> None:
    if knowledge and not knowledge.exists():
        raise UsageError(f"There is no knowledge at {knowledge}. Name a file or folder with --knowledge.")


async def _must_know(desk: Desk, knowledge: Path | None) -> None:
    """An empty knowledge base can only decline: better said at once, unless a model or an echo may answer."""
    if await desk.knowledge.documents() or not (knowledge or desk.config.engine.kind == "quote"):
        return
    raise UsageError(
        f"There is nothing to answer from in {knowledge}. Name a file or folder that holds text with --knowledge."
        if knowledge
        else "Nothing is known yet. Add something with `frontdesk knowledge add FILE`, or name a folder (--knowledge)."
    )


def described(end: Reply | Failed) -> dict[str, Any]:
    """An end as a JSON document: answer, sources, citations, declined, language."""
    if isinstance(end, Failed):
        return {"answer": end.said, "sources": [], "citations": [], "declined": True, "language": "", "failed": True}
    return {
        "answer": end.text,
        "sources": list(dict.fromkeys(Path(citation.location).name for citation in end.citations)),
        "citations": [
            {"number": citation.number, "title": citation.title, "location": citation.location}
            for citation in end.citations
        ],
        "declined": end.finish_reason == "declined",
        "language": end.language,
    }


def show(end: Reply | Failed) -> None:
    """Print an end for a person."""
    from adapters.console.safe import one_line, visible
    from adapters.console.screen import Screen

    if isinstance(end, Failed):
        errors.print(end.said, style="red", markup=False)
        return
    if output.is_terminal:
        screen = Screen(output)
        screen.begin()
        screen.end(end.text, (), "stop")
    else:
        output.print(visible(end.text), markup=False, highlight=False, soft_wrap=True)
    for citation in end.citations:
        line = one_line(f"[{citation.number}] {citation.title} ({citation.location})")
        output.print(f"  {line}", markup=False, style="dim", soft_wrap=True)
