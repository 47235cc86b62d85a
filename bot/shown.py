"""How what was sent is named and measured in an answer."""

from __future__ import annotations

from collections.abc import Iterable

from bot.answer.markdown import quoted
from bot.phrases import said
from prompts.knowledge.readers.base import escape_inline

_MEGABYTE = 1_000_000
_NAME_CHARACTERS = 80
_WORDS_CHARACTERS = 200


def shown(name: str) -> str:
    """A file's name as it may stand in an answer: as code, so that nothing in it is taken for Markdown or a link."""
    plain = " ".join("".join(character if character.isprintable() else " " for character in name).split())
    return f"`{plain.replace('`', chr(39))[:_NAME_CHARACTERS] or '?'}`"


def listed(names: Iterable[str], language: str) -> str:
    return said("comma", language).join(map(shown, names))


def size(count: float) -> str:
    return f"{count / _MEGABYTE:.3g} MB" if count >= _MEGABYTE else f"{count / 1_000:.3g} kB"


def short(words: str) -> str:
    """The beginning of what was heard or seen, in one line, as Markdown that says just that."""
    line = " ".join(words.split())
    if len(line) > _WORDS_CHARACTERS:
        beginning = line[:_WORDS_CHARACTERS]
        line = (beginning.rpartition(" ")[0] or beginning).rstrip() + " …"
    return escape_inline(quoted(line))
