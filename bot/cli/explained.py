"""An explanation for people: the short things first, the prompt last, all within the width of a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from adapters.console.safe import one_line, visible
from bot.events import Failed, Reply

if TYPE_CHECKING:
    from storage.base import Exchange

Document = Mapping[str, Any]
Lines = Iterator[str | Text]


def became(exchange: Exchange) -> str:
    """What became of a message, in a word or two."""
    end = exchange.outgoing.event if exchange.outgoing else None
    if isinstance(end, Reply):
        told = {"stop": "answered", "remark": "answered", "length": "answered, cut off"}
        return told.get(end.finish_reason, end.finish_reason)
    return f"failed: {one_line(end.reason)}" if isinstance(end, Failed) else "not answered yet"


def said(exchange: Exchange) -> str:
    """What was said in the end."""
    end = exchange.outgoing.event if exchange.outgoing else None
    return end.text if isinstance(end, Reply) else end.said if isinstance(end, Failed) else ""


def show_conversations(console: Console, names: Sequence[str]) -> None:
    if not names:
        console.print("There is no conversation yet.")
    for name in names:
        console.print(Text(one_line(name)), soft_wrap=True)


def show_messages(
    console: Console, conversation: str, exchanges: Sequence[Exchange], explanations: Sequence[Document | None]
) -> None:
    """The messages of a conversation, oldest first, each with what became of it."""
    console.print(Text(one_line(conversation), style="bold"), soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column("", justify="right")
    for name in ("when", "said", "became", "id"):
        table.add_column(
            name, overflow="fold", no_wrap=name == "when", ratio={"said": 4, "became": 2, "id": 3}.get(name)
        )
    table.add_column("sure", justify="right")
    for place, (exchange, explanation) in enumerate(zip(exchanges, explanations, strict=True)):
        message = exchange.message
        sure = (explanation or {}).get("confidence")
        table.add_row(
            str(place - len(exchanges)),
            datetime.fromtimestamp(message.sent_at).strftime("%m-%d %H:%M"),
            Text(_short(message.text or message.command, 80)),
            Text(became(exchange) if explanation else f"{became(exchange)} (not kept)"),
            Text(one_line(message.id)),
            "" if sure is None else f"{sure:.2f}",
        )
    console.print(table)


def show(console: Console, exchange: Exchange, explanation: Document) -> None:
    """One answer's way."""
    found = {key: explanation.get(key) or {} for key in ("understood", "decided", "asked", "checked", "timings")}
    checked = list(_checks(found["checked"]))
    if found["asked"] and not checked:
        checked = ["not held against its sources"]
    for title, lines in (
        ("Question", _question(found["understood"])),
        ("Passages", _passages(explanation.get("passages") or ())),
        ("Decision", _decision(found["decided"])),
        ("Model", _model(explanation, found["asked"])),
        ("Checks", iter(checked)),
        ("Answer", _answer(exchange, explanation)),
        ("Time", _times(found["timings"])),
        ("Prompt", _prompt(found["asked"])),
    ):
        _section(console, title, list(lines))


def _section(console: Console, title: str, lines: Sequence[str | Text]) -> None:
    if lines:
        console.print(Text(title, style="bold"))
    for line in lines:
        console.print(Padding(Text(line) if isinstance(line, str) else line, (0, 0, 0, 2), expand=False))


def _question(understood: Document) -> Lines:
    if not understood:
        return
    yield visible(understood["text"]) or "(no text)"
    if understood["standalone"] != understood["text"]:
        yield f"searched as: {one_line(understood['standalone'])}"
    asked_for = understood.get("command") or understood["intent"]
    expected = [(name, understood[key]) for key, name in _EXPECTED.items() if understood.get(key)]
    told = f"{asked_for} in {understood['detected']}, answered in {understood['answered']}"
    yield told + "".join(f"; {name} {code}" for name, code in expected)
    for name in understood["attachments"]:
        yield f"came with {one_line(name)}"
    if understood["redacted"]:
        yield "redacted: " + ", ".join(f"{n} {kind}" for kind, n in understood["redacted"].items())


_EXPECTED = {"before": "spoken before:", "hint": "the channel says", "preferred": "chosen:"}


def _passages(passages: Sequence[Document]) -> Lines:
    for number, passage in enumerate((each for each in passages if each["why"]["kept"]), 1):
        yield from _passage(f"{number}", passage)
    for passage in passages:
        if not passage["why"]["kept"]:
            yield from _passage("left out", passage)


def _passage(name: str, passage: Document) -> Lines:
    title = " › ".join([passage["title"], *passage["heading"]])
    line = Text(f"{name}  {passage['score']:.2f}  {one_line(title)}")
    line.append(f"  {one_line(passage['location'])} {passage['language']}", style="dim")
    yield line
    if passage["begins"]:
        yield Text(f"   “{_short(passage['begins'], 72)}”", style="dim")
    why = passage["why"]
    shares = (f"{name} {share:.3g}" for name, share in why["shares"].items() if share)
    words = ", ".join(f"{one_line(word)} {weight:g}" for word, weight in why["words"].items())
    for detail in (" · ".join(shares), words and f"has {words}", *why["notes"]):
        if detail:
            yield Text(f"   {detail}", style="dim")


def _decision(decided: Document) -> Lines:
    if not decided:
        return
    sure, enough = decided["confidence"], decided["threshold"]
    if sure is None:
        yield decided["kind"]
        return
    sign = "≥" if sure >= (enough or 0) else "<"
    yield f"{decided['kind']}: confidence {sure:.2f}" + (f" {sign} {enough:.2f} that an answer needs" if enough else "")
    for asked, confidence in decided["parts"]:
        yield f"   {confidence:.2f}  {_short(asked, 160)}"


def _model(explanation: Document, asked: Document) -> Lines:
    name = " ".join(filter(None, (explanation.get("engine"), explanation.get("model"))))
    if not asked:
        yield f"none was asked (engine: {one_line(name)})"
    else:
        yield f"{one_line(name)}, template {one_line(asked['template'])}" + (
            ", question shortened" if asked["shortened"] else ""
        )
        about = "about " if asked["estimated"] else ""
        if asked["prompt_tokens"]:
            read = f" ({asked['cached_tokens']} of them known before)" if asked["cached_tokens"] else ""
            yield f"{about}{asked['prompt_tokens']} tokens read{read}, {asked['answer_tokens']} written"
        yield ", ".join(f"{name} {one_line(str(value))}" for name, value in asked["sampling"].items())
    if explanation.get("error"):
        yield Text(f"failed: {one_line(explanation['error'])}", style="red")


_OUTCOMES = {"replaced": "replaced: the decision above took its place"}


def _checks(checked: Document) -> Lines:
    if not checked:
        return
    outcome: str = checked["outcome"]
    yield _OUTCOMES.get(outcome, outcome)
    for sentence in checked["sentences"]:
        held = sentence["verdict"] != "not held"
        mark = {"not held": "✗", "states nothing": "·"}.get(sentence["verdict"], "✓")
        by = f" by {', '.join(map(str, sentence['sources']))}" if sentence["sources"] else ""
        line = Text(f"{mark} ", style="green" if held else "red")
        line.append(_short(sentence["text"], 300), style="default")
        line.append(f"  {sentence['verdict']}{by}", style="dim" if held else "red")
        yield line
        for missing in sentence["missing"]:
            yield Text(f"   {_lacks(missing)}", style="dim")


def _lacks(missing: Document) -> str:
    lacks = [f"{name} {', '.join(map(one_line, missing[name]))}" for name in ("numbers", "names") if missing[name]]
    parts = [f"lacks the {' and the '.join(lacks)}"] if lacks else []
    parts += [f"speaks of {missing['overlap']:.0%} of it"]
    parts += ["says the opposite"] if missing["contradicts"] else []
    return f"passage {missing['source']} {', '.join(parts)}"


def _answer(exchange: Exchange, explanation: Document) -> Lines:
    yield visible(said(exchange)) or "(nothing)"
    sources = ", ".join(map(one_line, explanation.get("sources") or ()))
    liked = {True: ", liked", False: ", disliked"}.get(exchange.feedback > 0, "") if exchange.feedback else ""
    yield Text(f"{became(exchange)}{liked}" + (f"; cites {sources}" if sources else ""), style="dim")


def _times(timings: Mapping[str, float]) -> Lines:
    if timings:
        yield " · ".join(f"{stage} {1_000 * seconds:.0f} ms" for stage, seconds in timings.items())


def _prompt(asked: Document) -> Lines:
    for role, content in asked.get("messages") or ():
        yield Text(f"── {role}", style="dim")
        yield visible(content)


def _short(text: str, most: int) -> str:
    line = one_line(text)
    return line if len(line) <= most else f"{line[: most - 1]}…"
