"""What of a model's text may be shown, decided outside of the model while it writes.

Two things hold whatever the model was talked into by a passage, a file or a message:

1. The instructions that it was given are not repeated: a run of their words that stands in nothing else that it read
   is cut out. (Translated or spelled backwards they are another text, so instructions should hold no secret.)
2. An address (also of mail, and also without its "https://") is only shown if it stood in what the model read, or leads
   to one of the site's own hosts; so no answer carries what was said here to a stranger's server. Pictures are never
   shown, nor are characters that nobody sees.

It works on what comes, piece by piece: what may become either of the two is held back until it is decided.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from urllib.parse import urlsplit

CUT = "[…]"
"""Stands where something was cut out."""

_WORDS, _CHARACTERS = 8, 14
"""So many words (of Chinese and the like: characters) in a row are a repetition and no accident."""
_COMMON = 2
"""So many words are shown of each: two words in a row stand everywhere, and nobody should wait for what follows."""
_LONGEST = 2_000
"""No address that stood anywhere is so long: what goes on is decided, so that no text costs more than others."""
_CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
_ADDRESS = r"[^\s<>()\[\]\"'|\\^`]"
_SCHEME = r"[a-z][a-z0-9+-]{1,20}:"
_LETTER = rf"[^\W{_CJK}]"
_LOCAL = rf"(?:{_LETTER}|[.+%-])"
_BEGINS = rf"(?<!{_LETTER})(?<![.+%-])"
_HOST = rf"(?:{_LETTER}(?:{_LETTER}|-)*+\.)+[^\W\d_{_CJK}]{{2,24}}"
UNSEEN = re.compile("[\u00ad\u200b\u2060-\u2064\ufeff\U000e0000-\U000e007f]")
"""They part words for a program and for nobody else. What shapes scripts and emoji is not among them."""
_SHOWN = re.compile(
    r"(?P<picture>!?)\[(?P<words>[^\[\]\n]{0,300})\]"
    r"\(\s*<?(?P<target>[^()\s<>]*(?:\([^()\s]*\)[^()\s<>]*)*)>?(?:\s+[^()\n]*)?\)"
    rf"|<?(?P<bare>(?:(?<!{_LETTER}){_SCHEME}//|(?<!{_LETTER})www\.|(?<=\]: )//|(?<=\]:)//){_ADDRESS}+"
    rf"|{_BEGINS}(?:mailto:)?{_LOCAL}++@{_HOST}(?:@{_LOCAL}*+)*+"
    rf"|(?<!{_LETTER})(?<!{_LETTER}\.)(?<![+%-]){_HOST}\.?(?::\d{{1,5}})?[/?#]{_ADDRESS}*)>?",
    re.IGNORECASE,
)
"""A link or a picture, or an address by itself: with its scheme, of mail, or a host and what one asks of it."""
_OPEN = re.compile(
    r"(?:!?\[[^\[\]\n]{0,300}(?:\](?:\((?:[^()\n]|\([^()\n]*\))*(?:\([^()\n]*)?"
    rf"|: ?(?:/(?:/{_ADDRESS}*)?)?)?)?|!|<"
    rf"|<?(?<!{_LETTER})(?:www\.{_ADDRESS}*|{_SCHEME}(?:/(?:/{_ADDRESS}*)?)?)>?"
    rf"|<?{_BEGINS}{_LOCAL}++(?:@{_ADDRESS}*+)?|<?{_BEGINS}(?={_LOCAL}*?\.){_LOCAL}++[:/?#]{_ADDRESS}*+)$",
    re.IGNORECASE,
)
_WORD_AT_END = re.compile(rf"<?[^\W_{_CJK}]+$")
_TRAILING = ".,;:!?)]}'\"。，；：！？）”’*_"


class Guard:
    """Passes on one answer. `instructions` is the whole system text, `material` all that is no instruction in what
    the model was given, `hosts` are those that may always be linked to.
    """

    def __init__(self, instructions: str, material: Iterable[str], hosts: Collection[str]) -> None:
        self._material = "\n".join(material)
        self._hosts = frozenset(host.casefold() for host in hosts if host)
        secret, public = _tokens(instructions), _tokens(self._material)
        dense = sum(len(word) == 1 and word >= "\u3040" for word in secret) > len(secret) / 2
        self._length = _CHARACTERS if dense else _WORDS
        known = set(_runs(public, self._length))
        self._runs = {run for run in _runs(secret, self._length) if run not in known}
        self._parts = {run[at:end] for run in self._runs for at in range(len(run)) for end in range(at + 1, len(run))}
        self._shown = self._held = ""
        self._before: list[str] = []

    def add(self, piece: str) -> str:
        """All that may be shown after `piece` has come."""
        self._held += UNSEEN.sub("", piece)
        self._pass(self._undecided())
        return self._shown

    def end(self) -> str:
        """All that may be shown, now that nothing more comes."""
        self._pass(len(self._held))
        return self._shown

    def _pass(self, at: int) -> None:
        """Show what is held up to `at`."""
        decided, self._held = self._held[:at], self._held[at:]
        self._shown += _SHOWN.sub(self._address, self._without_repetition(decided))
        self._before = [*self._before, *_tokens(decided)][-self._length - _COMMON :]

    def _undecided(self) -> int:
        """From where on the text may become something that is not shown."""
        if len(self._held) > _LONGEST:
            return len(self._held)
        found = list(_TOKEN.finditer(self._held))
        words = [*self._before, *(_folded(match.group()) for match in found)]
        opened = [match.start() for pattern in (_OPEN, _WORD_AT_END) if (match := pattern.search(self._held))]
        at, later = min(opened, default=len(self._held)), -1
        while at != later:
            at, later = self._whole(at, found, words), at
        return at

    def _whole(self, at: int, found: Sequence[re.Match[str]], words: Sequence[str]) -> int:
        """Where what stands around `at` begins, when that is to be decided as a whole: an address, or a repetition."""
        old, end = len(self._before), len(self._before) + sum(match.start() < at for match in found)
        begin = max(self._repeated(words, end) + _COMMON, old)
        at = found[begin - old].start() if begin < end else at
        return next((one.start() for one in _SHOWN.finditer(self._held) if one.start() < at < one.end()), at)

    def _repeated(self, words: Sequence[str], end: int) -> int:
        """Where the longest run of the instructions' words that reaches to `end` begins; `end` where none does."""
        sizes = range(min(self._length, end), 0, -1)
        begin = next((end - size for size in sizes if self._instructed(words[end - size : end])), end)
        while begin > 0 and self._instructed(words[begin - 1 : begin - 1 + self._length]):
            begin -= 1
        return begin

    def _instructed(self, words: Sequence[str]) -> bool:
        return tuple(words) in (self._runs if len(words) == self._length else self._parts)

    def _without_repetition(self, text: str) -> str:
        found = list(_TOKEN.finditer(text)) if self._runs else []
        words, old = [*self._before, *(_folded(match.group()) for match in found)], len(self._before)
        kept, at, until = [], 0, -1
        for begin in range(len(words) - self._length + 1):
            if not self._instructed(words[begin : begin + self._length]):
                continue
            first, last = max(begin + _COMMON, old), begin + self._length - 1
            if last >= old:
                if begin > until:
                    kept += [text[at : found[first - old].start()], CUT]
                at = found[last - old].end()
            until = last
        return "".join(kept) + text[at:]

    def _address(self, match: re.Match[str]) -> str:
        if match["bare"]:
            address = match["bare"].rstrip(_TRAILING)
            rest = match["bare"][len(address) :]
            return match.group() if self._allowed(address) else CUT + rest
        if not match["picture"] and not re.search(r"[:./#@\\]", match["target"]):
            return match.group()  # words in brackets after a citation
        return match.group() if not match["picture"] and self._allowed(match["target"]) else match["words"]

    def _allowed(self, target: str) -> bool:
        """Whether an address stood in the material as it is, or leads to a host of the site's own."""
        address = target.strip("<>").rstrip(_TRAILING)
        if not address or address.startswith("#"):
            return True
        try:
            parts = urlsplit(address if "://" in address or ":" in address.split("/")[0] else f"https://{address}")
        except ValueError:
            return False
        reached = parts.path if parts.scheme in ("mailto", "tel") else address
        if reached != address or re.fullmatch(rf"{_LOCAL}+@[^/?#:]+", address):
            return self._stood(reached, r"(?<![\w.+%-])", r"(?![\w@-])")
        if parts.scheme not in ("http", "https") or parts.username is not None:
            return False
        if (parts.hostname or "").casefold() in self._hosts:
            return True
        return self._stood(address, "", r"(?![\w/?#&=%-])")

    def _stood(self, address: str, before: str, after: str) -> bool:
        """Whether an address stood in the material as a whole."""
        return re.search(before + re.escape(address) + after, self._material) is not None


def hosts_of(addresses: Iterable[str]) -> set[str]:
    """The hosts of http(s) addresses; of others none."""
    return {host for host in map(_host, addresses) if host}


def _host(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return (parts.hostname or "") if parts.scheme in ("http", "https") else ""


def _tokens(text: str) -> list[str]:
    return [_folded(match.group()) for match in _TOKEN.finditer(text)]


def _folded(token: str) -> str:
    return unicodedata.normalize("NFKC", token).casefold()


def _runs(tokens: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    return (tuple(tokens[at : at + length]) for at in range(len(tokens) - length + 1))
