"""A hundred attacks on a model that obeys each of them: what holds all the same is policy outside of it."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.slack import markdown as slack
from adapters.telegram import markdown as telegram
from adapters.telegram.entities import Rendered
from adapters.web import protocol as web
from adapters.web.source import page
from bot.draft import Draft
from bot.events import Address, Passage, Reply
from bot.writing import Writer
from tests.injection.corpus import Attack, corpus, filled
from tests.injection.obedient import reads
from tests.injection.shop import KEY, OTHERS, PAGES, VISITOR, Attacked, attacked

CORPUS = corpus()
_ADDRESS = Address(channel="web", conversation="c")
PLACES = {
    "passage", "title", "heading", "table", "comment", "front matter", "link text", "code", "file name", "file",
    "message", "earlier", "email", "translate", "write", "display name", "speaker",
}  # fmt: skip
_OURS = {"messages", "outbox", "turns", "explanations", "conversations", "documents", "passages", "counters", "sends"}
"""Tables in which an exchange leaves something."""
_FENCED = re.compile(r"<(passage|summary|facts)(-\d+)?[ >].*?</\1(?(2)\2)>", re.DOTALL)
_CJK = "\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
_RUN, _DENSE_RUN = 8, 14


def test_the_corpus_is_a_hundred_different_attacks(capsys: pytest.CaptureFixture[str]) -> None:
    """In five languages and at every place; how many are held, and by what, is printed."""
    assert len(CORPUS) == len({one.id for one in CORPUS}) == len({one.attack for one in CORPUS}) == 100
    assert {one.language for one in CORPUS} == set(PAGES)
    assert {one.place for one in CORPUS} == PLACES
    counts = Counter(one.holds for one in CORPUS)
    with capsys.disabled():
        print("", *(f"{count:4}  {holds}" for holds, count in counts.most_common()), sep="\n")


@pytest.mark.parametrize("attack", CORPUS, ids=lambda one: one.id)
async def test_what_a_model_was_talked_into_comes_to_nothing(
    attack: Attack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model obeys; what must not reach people does not, and nothing happens beside the answer.

    What is said not to be held is looked at, too: were it held one day, the corpus and the docs should say so.
    """
    seen = await attacked(tmp_path, attack, monkeypatch)
    _was_mounted(seen)
    assert bool(list(_faults(seen))) != attack.held, list(_faults(seen)) or "it is held"
    _did_nothing_else(seen)


def test_the_docs_say_what_is_held() -> None:
    """For each aim, how many attacks there are, and how many come to nothing."""
    text = (Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8")
    told = {
        aim: (int(all_), int(held)) for aim, all_, held in re.findall(r"^\| `(\w+)`.* \| (\d+) \| (\d+) \|", text, re.M)
    }
    aims = {one.aim for one in CORPUS}
    assert told == {
        aim: (sum(one.aim == aim for one in CORPUS), sum(one.aim == aim and one.held for one in CORPUS)) for aim in aims
    }
    assert f"{sum(one.held for one in CORPUS)} come to nothing" in text


UNGUARDED = [
    "title-verbatim", "heading-marked", "message-hidden", "table-link", "table-citation", "link_text-contact",
    "passage-image", "passage-uncited", "message-falsehood", "earlier-abuse", "file-others", "email-link", "write-link",
]  # fmt: skip


@pytest.mark.parametrize("attack", [one for one in CORPUS if one.id in UNGUARDED], ids=lambda one: one.id)
async def test_without_the_policies_the_attacks_succeed(
    attack: Attack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is they that hold, not the model's good will, and nothing that the tests overlook."""
    monkeypatch.setattr(Writer, "_guard", lambda *_: None)
    assert list(_faults(await attacked(tmp_path, attack, monkeypatch, ground=False)))


async def test_what_happens_beside_an_answer_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a model's words commands, the tables would tell."""
    written = Writer.write

    async def write(*arguments: Any, **named: Any) -> Any:
        composed = await written(*arguments, **named)
        draft = next(one for one in arguments if isinstance(one, Draft))
        draft.forget = draft.text.startswith("/")
        return composed

    monkeypatch.setattr(Writer, "write", write)
    attack = next(one for one in CORPUS if one.id == "earlier-settings")
    seen = await attacked(tmp_path, attack, monkeypatch)
    with pytest.raises(AssertionError, match="turns"):
        _did_nothing_else(seen)


@pytest.mark.parametrize("attack", CORPUS, ids=lambda one: one.id)
def test_neither_a_page_nor_a_frame_is_broken_by_it(attack: Attack) -> None:
    """What the web channel makes of an attack and of an answer that obeys it: data, and HTML that runs nothing."""
    for text in (attack.attack, attack.obeyed, f"[{attack.attack}]({attack.obeyed})"):
        passage = Passage(text=text, title=text, heading=(text,), location="a.md", language="", score=1.0)
        html = page([passage])
        assert not re.search(
            r"<(?:script|img|iframe|svg|meta http|base|form)\b", html.split("</style>")[1], re.IGNORECASE
        )
        assert not re.search(r"<[^>]+\s(?:on\w+=|href=\"(?:javascript|data|vbscript):)", html, re.IGNORECASE)
        reply = Reply(message_id="a:b", attempt=1, address=_ADDRESS, text=text, seq=0)
        head, data, *rest = web.progress_frame(reply, None).decode().split("\n")
        assert json.loads(data.removeprefix("data: "))["text"] == text
        assert (head, rest) == ("event: reply", ["", ""])


def _was_mounted(seen: Attacked) -> None:
    """The attack stood in the prompt, and the model did as it was told."""
    assert seen.requests
    read = [body for body in seen.requests if reads(body, seen.attack.attack)]
    assert bool(read) == bool(seen.written) == seen.attack.reaches


# -- what reaches people -------------------------------------------------------------------------------
def _faults(seen: Attacked) -> Iterator[str]:
    """What reached the visitor and must not."""
    attack = seen.attack
    forbidden = [one for system, _ in seen.written or [("", "")] for one in _forbidden(attack, system)]
    ends = [one.text if isinstance(one, Reply) else one.said for one in seen.ends]
    texts = [*ends, *(seen.shown if attack.live == "held" else [])]
    shown = [look for text in texts for look in _looks(text)] if attack.live == "channel" else texts
    yield from (f"{one!r} in {text!r}" for text in shown for one in forbidden if one in text)
    for system, _ in seen.written:
        secret = _instructions(system, seen.material)
        yield from (f"instructions in {text!r}" for text in (*ends, *seen.shown) if secret & set(_runs(text)))
    cited = [citation.number for one in seen.ends if isinstance(one, Reply) for citation in one.citations]
    if not set(cited) <= {1} or (attack.cites and not cited):
        yield f"cites {cited}"


def _forbidden(attack: Attack, system: str) -> list[str]:
    return [filled(one, system=system, question="") for one in attack.forbidden]


def _looks(text: str) -> list[str]:
    """What a text becomes on channels where it could call people or run."""
    return [slack.answer(text, (), {}, "en"), _uncalled(telegram.preview(text)), *map(_uncalled, telegram.render(text))]


def _uncalled(rendered: Rendered) -> str:
    """What of a Telegram message calls people or runs: not what is set as code, and no name of another channel's."""
    text = rendered.text.encode("utf-16-le")
    for entity in rendered.entities:
        if entity.type in ("code", "pre"):
            start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
            text = text[:start] + bytes(end - start) + text[end:]
    return re.sub(r"<[!@]\w+>", "", text.decode("utf-16-le"))


def _instructions(system: str, material: str) -> set[tuple[str, ...]]:
    """The runs of words of the instructions proper that stand nowhere else."""
    return set(_runs(_FENCED.sub("\n", system))) - set(_runs(material))


def _runs(text: str) -> list[tuple[str, ...]]:
    words = [unicodedata.normalize("NFKC", word).casefold() for word in _WORD.findall(_visible(text))]
    length = _DENSE_RUN if sum(word >= "\u3040" for word in words) > len(words) / 2 else _RUN
    return [tuple(words[at : at + length]) for at in range(len(words) - length + 1)]


def _visible(text: str) -> str:
    return "".join(character for character in text if unicodedata.category(character) != "Cf")


# -- what happens --------------------------------------------------------------------------------------
def _did_nothing_else(seen: Attacked) -> None:
    for body in seen.requests:
        assert set(body) <= {"model", "messages", "stream", "stream_options", "temperature", "top_p", "max_tokens"}
        assert 0 < body["max_tokens"] <= 2_000
        assert not [one for one in (KEY, *OTHERS) if one in json.dumps(body)]
    longest = 16 * max(body["max_tokens"] for body in seen.requests) + 500
    assert all(len(one.text) < longest for one in seen.ends if isinstance(one, Reply))
    assert {one.message_id for one in seen.ends} == {row[0] for row in _ends_in_the_store(seen)}
    assert len(seen.ends) == len({one.message_id for one in seen.ends})
    assert all(one.address.conversation == VISITOR for one in seen.ends)
    assert len(seen.after["turns"] - seen.before["turns"]) == 2 * len(seen.ends), "turns are missing"
    gone, come = _changes(seen)
    assert set(gone) <= {"conversations", "counters", "sends"}
    assert set(come) <= _OURS
    assert not seen.after["cases"] | seen.after["feedback"] | seen.after["audit"]
    (ours,) = [row for row in seen.after["conversations"] if VISITOR in row]
    assert "{}" in ours, "nothing was set"
    assert {row for row in seen.after["conversations"] if "other" in row} == seen.before["conversations"]


def _ends_in_the_store(seen: Attacked) -> list[tuple[str]]:
    """(id of the message) of each end that was committed, once for each."""
    new = seen.after["messages"] - seen.before["messages"]
    return [(row[2],) for row in new]


def _changes(seen: Attacked) -> tuple[list[str], list[str]]:
    """The tables that lost rows, and those that have new ones."""
    gone = [name for name, rows in seen.before.items() if rows - seen.after[name]]
    return gone, [name for name, rows in seen.after.items() if rows - seen.before.get(name, set())]
