"""Tags around what others wrote, which nothing inside them can forge.

A tag is `<passage number="1">` … `</passage>`. Should anything that goes inside hold such a tag (also in full
width, in capitals or with invisible characters in it), all tags of the prompt get a number that nothing holds:
`<passage-2 …>`. So a closing tag in the prompt is always ours, without a character of the content being changed.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable

from bot.events import Passage

_TAGS = "passage|summary|facts"


def suffix(contents: Iterable[str]) -> str:
    """What to append to every tag's name so that no tag occurs in `contents`."""
    plain = [_plain(content) for content in contents]
    for number in itertools.count(1):
        ending = "" if number == 1 else f"-{number}"
        tag = re.compile(rf"<[\s/]*(?:{_TAGS}){ending}")
        if not any(tag.search(content) for content in plain):
            return ending
    raise AssertionError("unreachable: a finite text holds finitely many tags")


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if unicodedata.category(character) != "Cf")


def fenced(tag: str, content: str, ending: str) -> str:
    return f"<{tag}{ending}>\n{content}\n</{tag}{ending}>"


def numbered(number: int, passage: Passage, ending: str) -> str:
    """One passage as the model reads it: its number, the path to it, its text."""
    path = [" ".join(part.split()) for part in (passage.title, *passage.heading)]
    path = [part for index, part in enumerate(path) if part and part not in path[:index]]
    head = f"{' > '.join(path)}\n\n" if path else ""
    return f'<passage{ending} number="{number}">\n{head}{passage.text.strip()}\n</passage{ending}>'
