"""The requests that run: which slot and which blocks each of them holds."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterator
from heapq import heappop, heappush

from bot.engine.local.blocks import BlockPool, InvariantError
from bot.engine.local.request import Request


class Running:
    """At most `slots` requests with their blocks of `pool`, highest rank first: by priority, then by arrival.

    A request here holds a slot, the blocks of all its known tokens, and (in `Request.chain`) the remembered blocks
    that stand for its full ones: its own, or where another was first to fill the same, that other's.
    """

    def __init__(self, slots: int, pool: BlockPool) -> None:
        self._pool, self._count = pool, slots
        self._slots = list(range(slots))
        """Those that are free, a heap: low ones are used first."""
        self._requests: list[Request] = []
        self._refused: Request | None = None
        self._room_then = 0
        """Who found no room last, and how much there was."""

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[Request]:
        """Highest rank first. While it runs, those that were not reached yet may leave."""
        return iter(self._requests)

    @property
    def lowest(self) -> Request:
        """The one that gives way to all others."""
        return self._requests[-1]

    def admit(self, request: Request) -> bool:
        """Give `request` a slot, and blocks for all its tokens; False where there is no room, or some are in flight.

        The beginning that the prefix cache knows counts as computed. A block for each who runs is kept back, since
        each of them may be about to need one.
        """
        pool = self._pool
        room = pool.free - len(self._requests)
        if request.flights or not self._slots or (request is self._refused and room <= self._room_then):
            return False
        found = pool.find(request.tokens)
        missing = pool.blocks_for(len(request.tokens)) - len(found)
        if pool.free_beside(found) - len(self._requests) < missing:
            self._refused, self._room_then = request, room
            return False
        self._refused = None
        for block in found:
            pool.hold(block)
        request.chain = found
        request.blocks = found + [pool.take() for _ in range(missing)]
        request.computed = len(found) * pool.block_tokens
        self._count_cached(request)
        request.slot = heappop(self._slots)
        insort(self._requests, request, key=_rank)
        return True

    def grow(self, request: Request) -> bool:
        """See to a block for one token more; False when there is none."""
        if request.computed < len(request.blocks) * self._pool.block_tokens:
            return True
        if not self._pool.free:
            return False
        request.blocks.append(self._pool.take())
        return True

    def leave(self, request: Request) -> None:
        """Take slot and blocks from `request`. What it had computed in full blocks stays remembered."""
        self._requests.remove(request)
        heappush(self._slots, request.slot)
        drop, chain = self._pool.drop, request.chain
        for place in range(len(request.blocks) - 1, -1, -1):  # children before parents
            block = request.blocks[place]
            drop(block)
            if place < len(chain) and chain[place] != block:
                drop(chain[place])
        request.slot, request.blocks, request.chain, request.computed = -1, [], [], 0

    def remember(self, request: Request, end: int) -> None:
        """The tokens before `end` are known and computed by settled steps: let others find the full blocks of them."""
        size, chain = self._pool.block_tokens, request.chain
        if chain and not self._pool.remembers(chain[-1]):
            return
        for place in range(len(chain), end // size):
            parent = chain[-1] if chain else 0
            tokens = request.tokens[place * size : (place + 1) * size]
            chain.append(self._pool.remember(parent, request.blocks[place], tokens))

    def check(self, *, thorough: bool) -> None:
        """Raise `InvariantError` unless every slot and block is held as often as it should be."""
        slots = [request.slot for request in self._requests]
        if sorted(slots + self._slots) != list(range(self._count)):
            raise InvariantError(f"slots {sorted(slots)} are held and {sorted(self._slots)} are free")
        if self._requests != sorted(self._requests, key=_rank):
            raise InvariantError("the running requests are out of rank")
        held: Counter[int] = Counter()
        for request in self._requests:
            if not request.computed <= min(len(request.blocks) * self._pool.block_tokens, request.length):
                raise InvariantError(f"request {request.id} has computed more than it has blocks or tokens for")
            held.update(request.blocks)
            held.update(other for other, own in zip(request.chain, request.blocks, strict=False) if other != own)
        self._pool.check(held, thorough=thorough)

    def _count_cached(self, request: Request) -> None:
        request.charged = max(request.charged, request.computed)
        if not request.preemptions:
            request.cached = request.computed
            self._pool.hits += request.cached
            self._pool.queries += request.prompt_length


def _rank(request: Request) -> tuple[int, float, int]:
    return -request.priority, request.arrived, request.id
