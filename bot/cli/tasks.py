"""`frontdesk write`, `summarize`, `translate` and `sentiment`: the errands of the channels, from a terminal or script.

Nothing of what is given is kept: but for texts that draw on the project's knowledge, the work is done in a folder of
its own that is removed afterwards.
"""

from __future__ import annotations

import json
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.converse import KnowledgeFolder, message, prepared
from bot.cli.given import given
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
from bot.events import Command, Failed, Message, Reply

if TYPE_CHECKING:
    from bot.config import Config
    from bot.desk import Desk


class Kind(StrEnum):
    """What can be written; the values are how an errand is told so."""

    EMAIL = "email"
    ARTICLE = "article"
    PRODUCT = "product"


_AS_SAID = {Kind.EMAIL: "An e-mail", Kind.ARTICLE: "An article", Kind.PRODUCT: "A product text"}

Given = Annotated[
    str | None, typer.Argument(metavar="TEXT|FILE|-", help="The text, a file that holds it, or - for standard input.")
]


def write(
    wish: Annotated[str | None, typer.Argument(metavar="WISH|FILE|-", help="What to write, for whom, and why.")] = None,
    kind: Annotated[Kind | None, typer.Option("--kind", help="Which kind of text; else the wish says so.")] = None,
    language: Annotated[
        str, typer.Option("--language", help='The language to write in, such as "de"; else that of the wish.')
    ] = "",
    knowledge: KnowledgeFolder = None,
    config: ConfigFile = None,
    data: DataFolder = None,
    model: Model = None,
) -> None:
    """Write an e-mail, an article or a product text, with what is known. Needs a language model.

    [bold]Examples[/bold]

      frontdesk write "an e-mail to a customer whose parcel is late" --model models/qwen3-0.6b
      frontdesk write "our new kettle, for people with little room" --kind product --language de -k docs/
      frontdesk write - < wish.txt > letter.txt
    """
    settings = configuration(config, data, model=model, language={"fixed": language} if language else {})
    _need_model(settings, "Writing a text")
    text = given(wish, "what to write")
    asked = f"{_AS_SAID[kind]}: {text}" if kind else text
    _show(run_async(_done(settings, "write", asked, knowledge=knowledge, known=True)))


def summarize(
    text: Given = None,
    sentences: Annotated[
        int | None, typer.Option("--sentences", min=1, max=50, help="At most so many; else three to five.")
    ] = None,
    config: ConfigFile = None,
    model: Model = None,
) -> None:
    """Give the main points of a text: as a language model tells them, else as its own most telling sentences.

    [bold]Examples[/bold]

      frontdesk summarize report.pdf
      frontdesk summarize report.pdf --sentences 8
      frontdesk summarize report.pdf --model models/qwen3-0.6b
      git log -5 | frontdesk summarize -
    """
    settings = configuration(config, model=model, tasks={"sentences": sentences} if sentences else {})
    _show(run_async(_done(settings, "summarize", given(text, "what to summarize"))))


def translate(
    text: Given = None,
    to: Annotated[
        str, typer.Option("--to", help='The language to translate into: "de", "German". Else English.')
    ] = "en",
    config: ConfigFile = None,
    model: Model = None,
) -> None:
    """Translate a text. Needs a language model.

    [bold]Examples[/bold]

      frontdesk translate "Good morning" --to de --model models/qwen3-0.6b
      frontdesk translate manual.docx --to Spanish > manual.es.md
    """
    from bot.target import target

    settings = configuration(config, model=model)
    _need_model(settings, "Translating")
    try:
        code, rest = target(f"to {to.strip()}: x")
    except LookupError:
        code, rest = "", ""
    if not code or rest != "x":
        raise UsageError(f'"{to}" is no language that is known here. Give --to a name or a code, such as German or de.')
    _show(run_async(_done(settings, "translate", f"to {code}: {given(text, 'what to translate')}")))


def sentiment(
    text: Given = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print how likely the classifier takes each label for; asks no language model."),
    ] = False,
    config: ConfigFile = None,
    model: Model = None,
) -> None:
    """Judge the tone of a text: positive, neutral or negative; by a language model where there is one.

    [bold]Examples[/bold]

      frontdesk sentiment "I have waited for two weeks!"
      frontdesk sentiment complaint.txt --json
      pbpaste | frontdesk sentiment -
    """
    settings = configuration(config, model=model)
    told = given(text, "what to judge")
    if as_json:
        typer.echo(json.dumps(_probabilities(settings, told), ensure_ascii=not encodes_all(sys.stdout)))
    else:
        _show(run_async(_done(settings, "sentiment", told)))


def _need_model(config: Config, what: str) -> None:
    if not config.engine.models:
        raise UsageError(
            f"{what} takes a language model, and none is set. Name one with --model (a folder or a hub id), or set "
            'engine.kind to "local" or "openai" in frontdesk.toml.'
        )


# -- what is done ----------------------------------------------------------------------------------------
async def _done(
    config: Config, command: Command, text: str, *, knowledge: Path | None = None, known: bool = False
) -> Reply | Failed:
    """How the errand ended. It is shown on a terminal while a model writes; `known` lets it draw on knowledge."""
    from adapters.console.screen import Screen
    from adapters.direct import Direct

    class Shown(Direct):
        """Shows what is written so far."""

        async def send(self, event: Any) -> str:
            if isinstance(event, Reply) and not event.final:
                screen.show(event.text)
            return await super().send(event)

    screen, channel = Screen(output), Shown()
    asked = replace(message(text, conversation=uuid.uuid4().hex), command=command)
    about = prepared(config, knowledge, [channel]) if known and _knows(config, knowledge) else _alone(config, channel)
    async with about:
        return await _shown(channel, asked, screen)


async def _shown(channel: Any, asked: Message, screen: Any) -> Reply | Failed:
    screen.begin()
    try:
        end: Reply | Failed = await channel.ask(asked)
    except BaseException:
        screen.close()
        raise
    if isinstance(end, Reply):
        screen.end(end.text, (), end.finish_reason)
    else:
        screen.close()
    return end


def _knows(config: Config, knowledge: Path | None) -> bool:
    return knowledge is not None or (config.data / "frontdesk.db").exists()


@asynccontextmanager
async def _alone(config: Config, channel: Any) -> AsyncIterator[Desk]:
    """A desk that knows nothing and keeps nothing."""
    from bot.cli.progress import opened

    quote = config.engine.quote.model_copy(update={"delay_ms": 0.0})
    semantic = config.knowledge.semantic.model_copy(update={"enabled": "no"})
    with tempfile.TemporaryDirectory(prefix="frontdesk-") as folder:
        settings = config.model_copy(
            update={
                "data": Path(folder),
                "engine": config.engine.model_copy(update={"quote": quote}),
                "knowledge": config.knowledge.model_copy(update={"semantic": semantic}),
                "voice": config.voice.model_copy(update={"model": ""}),
                "log": config.log.model_copy(update={"level": "error"}),
            }
        )
        set_up_logging(settings)
        async with opened(settings, [channel]) as desk:
            await desk.start()
            try:
                yield desk
            finally:
                await desk.close()


def _show(end: Reply | Failed) -> None:
    if isinstance(end, Failed):
        errors.print(f"{end.said} ({end.reason})", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1)


def _probabilities(config: Config, text: str) -> dict[str, Any]:
    from bot.classify.model import likeliest
    from bot.classify.tone import Tones

    told = Tones(config).classifier().probabilities(text)
    label, share = likeliest(told)
    return {"label": label, "share": round(share, 4), "labels": {one: round(value, 4) for one, value in told.items()}}
