"""Follow-ups in Chinese; the words themselves are in `words.toml`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.terms import content_runs
from prompts.followup.listed import han_ordinal, item
from prompts.followup.words import Words, other_of_kind
from prompts.sentences import sentences

_HAN_RUN = re.compile(r"[\u3400-\u9fff]+|[A-Za-z0-9][A-Za-z0-9 .+-]*[A-Za-z0-9]|[A-Za-z0-9]")
_END = " ?？!！。.，,、"
_MODEL = re.compile(r"([A-Za-z][A-Za-z-]*)\s*\d[\dA-Za-z]*")
_LONG_FRAGMENT = 14
_PHRASE_RUNS = 6
_AMOUNTS_OF_TIME = "月年天周日时期钟"
_AMOUNT = re.compile(
    r"(?:\d+(?:\.\d+)?|[一二两三四五六七八九十百半]+)\s?(?:个月|个?小时|个?星期|分钟|[天年周岁日人位件台只辆晚次])"
)
_CODED = re.compile(r"[A-Za-z]+[A-Za-z-]*\s?-?\d[\dA-Za-z]*(?: (?:Plus|Max|Pro|Mini|Ultra|Lite))?")
_NAMED = re.compile(r"\*\*([^*\n]{2,40})\*\*|[「“《]([^」”》\n]{2,30})[」”》]")


class HanRules:
    """Chinese."""

    def __init__(self) -> None:
        words = Words("zh")
        self._openers = re.compile(rf"{words.pattern('openers')}+")
        self._asking = re.compile(words.pattern("asking"))
        self._pronouns = re.compile(words.pattern("pronouns"))
        self._headless = re.compile(words.pattern("headless"))
        relational = sorted(words.words("relational"), key=len, reverse=True)
        self._relational = re.compile(f"(?:{'|'.join(relational)})+")
        self._condition = re.compile(words.pattern("condition"))
        self._binders = re.compile(words.pattern("binders"))
        self._small_talk = re.compile(words.pattern("small_talk"))
        self._about_you = re.compile(words.pattern("about_you"))
        self._also = re.compile(words.pattern("also"))
        self._predicate = re.compile(words.pattern("predicate"))
        self._selecting = re.compile(words.pattern("selecting"))
        self._kinds = words.words("kinds")
        self._contrasts = words.groups("contrasts")

    # -- what kind of question it is -----------------------------------------------------------------
    def small_talk(self, text: str) -> bool:
        return bool(self._small_talk.fullmatch(text.strip(_END)) or self._about_you.match(text.strip()))

    def leans(self, text: str) -> bool:
        plain = text.strip(_END)
        if self._fragment(plain) or self._like(plain):
            return True
        pronoun = self._pronouns.search(plain)
        if pronoun and not self._bound(plain, pronoun.start()):
            return True
        if self._headless.search(plain) or self._condition.search(plain):
            return True
        if self._binders.search(plain):
            return False
        asks = bool(self._asking.search(plain)) or text.rstrip().endswith(("?", "？"))
        return asks and not any(self._tells(run) for run in self._content(plain))

    def _content(self, text: str) -> list[str]:
        found: list[str] = []
        for run in _HAN_RUN.findall(text):
            found += [run] if run.isascii() else content_runs(run)
        return found

    def _tells(self, run: str) -> bool:
        return run.isascii() or (len(run) > 1 and not self._relational.fullmatch(run))

    def _fragment(self, plain: str) -> str:
        """What a fragment is about (那日本呢 → 日本); "" when it is none."""
        opener = self._openers.match(plain)
        rest = plain[opener.end() :] if opener else plain
        if not rest.endswith("呢") or not 0 < len(rest) - 1 <= _LONG_FRAGMENT or self._asking.search(rest):
            return ""
        core = rest[:-1].removesuffix("的话").strip(_END)
        return "" if self._pronouns.fullmatch(core) else core

    def _like(self, plain: str) -> str:
        """What is asked about in the same way as something before (那树屋也行吗 → 树屋); "" when nothing is."""
        opener = self._openers.match(plain)
        match = self._also.match(plain[opener.end() :] if opener else plain)
        core = match["core"] if match else ""
        return "" if self._pronouns.search(core) or self._asking.search(core) or core in ("我", "你", "您") else core

    def _bound(self, plain: str, at: int) -> bool:
        """Whether an earlier clause of the same message names what the pronoun at `at` stands for."""
        clauses = re.split("[，,。；;！!？?]", plain[:at])
        return any(self._tells(run) for clause in clauses[:-1] for run in self._content(clause))

    # -- what it takes from the conversation -----------------------------------------------------------
    def subject(self, topic: str, answer: str) -> list[str]:
        asked = [run for run in self._content(topic) if not self._relational.fullmatch(run)]
        return asked + self._selected(topic, answer)

    def complete(self, text: str, topic: str, subject: Sequence[str], answer: str) -> str:
        core = self._fragment(text.strip(_END))
        if core:
            return f"{self._put_into(core, topic.rstrip(_END))}？"
        like = self._like(text.strip(_END))
        if like:
            return f"{self._in_place_of_first(like, topic.rstrip(_END))}？"
        if "也" in text and (codes := _CODED.findall(topic)):  # its own subject takes the place of the other one
            subject = codes
        listed = item(answer, han_ordinal(text))
        new = list(dict.fromkeys(run for run in (*subject, listed) if run and run not in text))[-_PHRASE_RUNS:]
        return f"{text.rstrip(_END)}（{' '.join(new)}）？" if new else text

    def _selected(self, topic: str, answer: str) -> list[str]:
        """What answers 哪…？: names that stand out in the answer's first sentence."""
        first = next(iter(sentences(answer)), "")
        if not first or not self._selecting.search(topic):
            return []
        named = [bold or quoted for bold, quoted in _NAMED.findall(first)]
        latin = [run for run in _HAN_RUN.findall(first) if run.isascii() and run[0].isalpha()]
        names = [*named, *(run for run in latin if not any(run in name for name in named))]
        return [name for name in names if name not in topic][:3]

    def _put_into(self, core: str, topic: str) -> str:
        """`topic` with `core` in the place of what it replaces, or after it."""
        model = _MODEL.fullmatch(core)
        if model:
            other = re.search(rf"{re.escape(model[1])}\s*\d[\dA-Za-z]*", topic)
            if other:
                return f"{topic[: other.start()]}{core}{topic[other.end() :]}"
        amount, others = _AMOUNT.search(core), list(_AMOUNT.finditer(topic))
        if amount and others and amount[0][-1] in _AMOUNTS_OF_TIME:
            other = next((one for one in others if one[0][-1] in _AMOUNTS_OF_TIME), None)
            if other:
                return f"{topic[: other.start()]}{amount[0]}{topic[other.end() :]}"
        other_word = other_of_kind(core, topic, self._contrasts) or self._ends_alike(core, topic)
        return topic.replace(other_word, core, 1) if other_word else f"{topic}，{core}"

    def _in_place_of_first(self, core: str, topic: str) -> str:
        """`topic` with `core` in the place of what it begins with, if that is not what it asks for."""
        replaced = self._put_into(core, topic)
        predicate = self._predicate.search(topic)
        if replaced != f"{topic}，{core}" or not predicate or not 0 < predicate.start() <= _LONG_FRAGMENT:
            return replaced
        return f"{core}{topic[predicate.start() :]}"

    def _ends_alike(self, core: str, topic: str) -> str:
        """The word of `topic` that names a thing of the same kind: 标准版 for 专业版."""
        if len(core) < 2 or core[-1] not in self._kinds:
            return ""
        for run in self._content(topic):
            at = run.find(core[-1])
            if at >= len(core) - 1:
                return run[at + 1 - len(core) : at + 1]
        return ""
