"""The blocks of the KV cache: who holds which, and what is remembered in those that nobody holds.

A block that is full of tokens can be remembered under its *parent* (the block before it, 0 for the first) and its
tokens. So a remembered block stands for everything from the beginning to its end, two equal beginnings meet in the
same blocks, and no two different ones are ever taken for each other: keys are compared whole, not by their hash.

Two laws keep that true:

1. Whoever holds a remembered block holds its parent. A parent is thus never forgotten, nor its number given to
   other tokens, while a block under it is in use.
2. Holders let go of children before parents. The blocks that nobody holds are forgotten in the order in which they
   were let go, so a leaf always goes before its parent, and what was used last goes last.

The tokens are kept as bytes, whose hash differs from process to process: nobody can choose prompts that collide.
"""

from __future__ import annotations

from array import array
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence

_ROOT = 0
_Key = tuple[int, bytes]


class InvariantError(AssertionError):
    """The books of slots and blocks are wrong: a bug of the scheduler, never the fault of a request."""


class NoBlock(Exception):
    """Every block is held."""


class BlockPool:
    """Counts who holds each of `blocks` blocks of `block_tokens` tokens. Block 0 is never given out.

    `hits` of `queries` tokens were found in the prefix cache. Used from one thread.
    """

    def __init__(self, blocks: int, block_tokens: int, *, prefix_cache: bool = True) -> None:
        if blocks < 2 or block_tokens < 1:
            raise ValueError(f"A cache needs 2 blocks of 1 token at least, not {blocks} of {block_tokens}")
        self.block_tokens, self.prefix_cache = block_tokens, prefix_cache
        self.total = blocks - 1
        self.hits = self.queries = 0
        self._empty = list(range(blocks - 1, 0, -1))
        self._holders = [0] * blocks
        self._keys: list[_Key | None] = [None] * blocks
        self._known: dict[_Key, int] = {}
        self._idle: OrderedDict[int, None] = OrderedDict()
        """Remembered and held by nobody; the first is forgotten first."""

    @property
    def free(self) -> int:
        """Blocks that can be had now: the empty ones, and those that are only remembered."""
        return len(self._empty) + len(self._idle)

    @property
    def used(self) -> int:
        """Blocks that somebody holds."""
        return self.total - self.free

    @property
    def remembered(self) -> int:
        """Blocks whose contents may be found by others, held or not."""
        return len(self._known)

    def blocks_for(self, tokens: int) -> int:
        """How many blocks `tokens` tokens fill."""
        return -(-tokens // self.block_tokens)

    def take(self) -> int:
        """A block to write into, held once. Raises `NoBlock`; what it held before is forgotten."""
        if self._empty:
            block = self._empty.pop()
        elif self._idle:
            block, _ = self._idle.popitem(last=False)
            self._forget(block)
        else:
            raise NoBlock("Every block of the cache is held")
        self._holders[block] = 1
        return block

    def find(self, tokens: Sequence[int]) -> list[int]:
        """The remembered blocks of the longest beginning of `tokens`, in order. Nothing is held by that.

        They never cover all of `tokens`: of the last one at least the logits are wanted, so it is computed, and into
        a block that others read nothing is ever written again.
        """
        found: list[int] = []
        parent, size = _ROOT, self.block_tokens
        for end in range(size, len(tokens), size) if self._known else ():
            block = self._known.get((parent, _packed(tokens[end - size : end])))
            if block is None:
                break
            found.append(block)
            parent = block
        return found

    def free_beside(self, found: Iterable[int]) -> int:
        """The blocks that can be had when those of `found` are held too."""
        return self.free - sum(1 for block in found if not self._holders[block])

    def hold(self, block: int) -> None:
        """One holder more for a remembered block, whose parent is held."""
        if not self._holders[block]:
            del self._idle[block]
        self._holders[block] += 1

    def drop(self, block: int) -> None:
        """One holder less. What is remembered stays so until the space is needed."""
        self._holders[block] -= 1
        if self._holders[block]:
            return
        if self._keys[block] is None:
            self._empty.append(block)
        else:
            self._idle[block] = None

    def remember(self, parent: int, block: int, tokens: Sequence[int]) -> int:
        """Let others find `block`, full of `tokens` that are computed, under `parent` (0: it is the first).

        The holder of both calls this. When the same is remembered already, that block is returned, with the caller
        as one more of its holders (by the first law: he goes on to remember blocks under it); `block` stays his own.
        """
        key = (parent, _packed(tokens))
        known = self._known.setdefault(key, block)
        if known == block:
            self._keys[block] = key
        else:
            self.hold(known)
        return known

    def forget(self) -> None:
        """Let nobody find anything that is remembered now: it may be wrong. Holders keep their blocks.

        They may not remember more under them (see `remembers`): the number of such a parent is one day another's.
        """
        for block in self._known.values():
            self._keys[block] = None
        self._known.clear()
        self._empty += self._idle
        self._idle.clear()

    def remembers(self, block: int) -> bool:
        """Whether others may find `block`."""
        return self._keys[block] is not None

    def check(self, held: Counter[int], *, thorough: bool = False) -> None:
        """Raise `InvariantError` unless every block is held as often as `held` says, or free.

        `thorough` looks at every remembered block too: many times slower, for tests.
        """
        for block, times in held.items():
            holders = self._holders[block]
            _insist(holders == times, f"block {block} has {holders} holders and is held {times} times")
        leaked = sum(self._holders) != held.total() or min(self._holders) < 0
        _insist(not leaked, f"blocks have {sum(self._holders)} holders and are held {held.total()} times")
        empty, idle = set(self._empty), self._idle.keys()
        _insist(len(empty) == len(self._empty), "a block is free twice")
        _insist(
            held.keys().isdisjoint(empty) and idle.isdisjoint(held) and idle.isdisjoint(empty), "a held one is free"
        )
        _insist(len(empty) + len(idle) + len(held) == self.total, f"not all of {self.total} blocks are held or free")
        if thorough:
            self._check_memory()

    def _check_memory(self) -> None:
        idle = set(self._idle)
        remembered = {block: key for block, key in enumerate(self._keys) if key is not None}
        _insist(self._known == {key: block for block, key in remembered.items()}, "a block is found under a wrong key")
        _insist(idle <= remembered.keys() and not remembered.keys() & set(self._empty), "an empty block is remembered")
        order = {block: place for place, block in enumerate(self._idle)}
        for block, (parent, _) in remembered.items():
            if parent != _ROOT:
                _insist(parent in remembered, f"the parent of block {block} was forgotten before it")
                _insist(block in idle or parent not in idle, f"block {block} is held without its parent")
                _insist(parent not in idle or order[block] < order[parent], f"block {block} would outlive its parent")

    def _forget(self, block: int) -> None:
        key = self._keys[block]
        if key is not None:
            del self._known[key]
            self._keys[block] = None


def _packed(tokens: Sequence[int]) -> bytes:
    return array("q", tokens).tobytes()


def _insist(holds: bool, otherwise: str) -> None:
    if not holds:
        raise InvariantError(otherwise)
