"""The laws of blocks: each is held as often as it is, found only for what it holds, and forgotten leaves first."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.local.blocks import BlockPool, InvariantError, NoBlock


def fill(pool: BlockPool, tokens: list[int]) -> list[int]:
    """Hold blocks for `tokens` and remember the full ones, as one who computes all of them does."""
    blocks = pool.find(tokens)
    for block in blocks:
        pool.hold(block)
    while len(blocks) < pool.blocks_for(len(tokens)):
        blocks.append(pool.take())
    size, parent = pool.block_tokens, 0
    for place in range(len(tokens) // size):
        if pool.remember(parent, blocks[place], tokens[place * size : (place + 1) * size]) != blocks[place]:
            raise AssertionError("alone, nobody fills a block twice")
        parent = blocks[place]
    return blocks


def let_go(pool: BlockPool, blocks: list[int]) -> None:
    for block in reversed(blocks):
        pool.drop(block)


def test_block_zero_is_never_given_out_and_no_block_twice() -> None:
    """The pool gives out its blocks once each, without block 0, and says when there is none."""
    pool = BlockPool(5, 2)
    assert sorted(pool.take() for _ in range(4)) == [1, 2, 3, 4]
    assert (pool.free, pool.used, pool.total) == (0, 4, 4)
    with pytest.raises(NoBlock):
        pool.take()


def test_a_beginning_is_found_again_by_whole_blocks() -> None:
    """Who begins as another did finds his full blocks, in order, and no more than are the same."""
    pool = BlockPool(9, 2)
    blocks = fill(pool, [1, 2, 3, 4, 5])
    assert pool.find([1, 2, 3, 4, 9, 9]) == blocks[:2]
    assert pool.find([1, 2, 9, 9, 9]) == blocks[:1]
    assert pool.find([9, 2, 3, 4, 5]) == []
    assert pool.find([3, 4, 5]) == [], "the same tokens after another beginning are not the same"
    let_go(pool, blocks)
    assert pool.find([1, 2, 3, 4, 9]) == blocks[:2], "what nobody holds is still remembered"
    assert pool.free == pool.total and pool.remembered == 2


def test_one_token_at_least_is_computed() -> None:
    """A prompt that is remembered as a whole is not found as a whole: the logits of its last token are wanted."""
    pool = BlockPool(9, 2)
    blocks = fill(pool, [1, 2, 3, 4])
    assert pool.find([1, 2, 3, 4]) == blocks[:1]
    assert pool.find([1, 2]) == []
    assert pool.find([1, 2, 3]) == blocks[:1]


def test_the_least_recently_used_is_forgotten_first_and_leaves_before_parents() -> None:
    """When space is needed, the oldest ends go first; what is left can still be found from its beginning."""
    pool = BlockPool(7, 1)
    old, new = fill(pool, [1, 2, 3]), fill(pool, [4, 5, 6])
    let_go(pool, old)
    let_go(pool, new)
    pool.take()
    assert pool.find([1, 2, 3, 0]) == old[:2]
    pool.take()
    assert pool.find([1, 2, 3, 0]) == old[:1]
    for block in old[:1]:  # used once more: now the others are older
        pool.hold(block)
    let_go(pool, old[:1])
    for left in (2, 1, 0):
        pool.take()
        assert pool.find([4, 5, 6, 0]) == new[:left]
    assert pool.find([1, 0]) == old[:1]


def test_what_is_empty_is_used_before_anything_is_forgotten() -> None:
    """A remembered block is given up only when no other is free."""
    pool = BlockPool(5, 1)
    blocks = fill(pool, [1, 2])
    let_go(pool, blocks)
    pool.take(), pool.take()
    assert pool.find([1, 2, 3]) == blocks
    assert pool.free_beside(blocks) == 0 and pool.free_beside([]) == 2


def test_two_who_fill_the_same_block_keep_the_first() -> None:
    """The second keeps his own block, and holds the first's as well, so that what he adds to it can be found."""
    pool = BlockPool(9, 1)
    first, second = pool.take(), pool.take()
    assert pool.remember(0, first, [1]) == first
    assert pool.remember(0, second, [1]) == first
    child = pool.take()
    assert pool.remember(first, child, [2]) == child
    pool.drop(first)  # its first holder ends
    pool.check(Counter([first, second, child]), thorough=True)
    assert pool.find([1, 2, 3]) == [first, child]
    for block in (child, second, first):
        pool.drop(block)
    pool.check(Counter(), thorough=True)
    assert pool.free == pool.total


def test_what_was_forgotten_is_never_found_and_no_block_is_lost() -> None:
    """Neither what is held nor what is not; what is remembered afterwards is found as ever."""
    pool = BlockPool(9, 2)
    held, idle = fill(pool, [1, 2, 3, 4, 5]), fill(pool, [6, 7, 8])
    let_go(pool, idle)
    pool.forget()
    assert pool.find([1, 2, 3, 4, 5]) == pool.find([6, 7, 8]) == []
    assert not any(pool.remembers(block) for block in (*held, *idle))
    pool.check(Counter(held), thorough=True)
    let_go(pool, held)
    assert pool.free == pool.total and pool.remembered == 0
    again = fill(pool, [1, 2, 3, 4, 5])
    assert pool.find([1, 2, 3, 4, 5]) == again[:2]
    pool.check(Counter(again), thorough=True)


def test_without_the_prefix_cache_a_block_has_nothing_to_be_found_by() -> None:
    """A pool that is told to remember nothing is never asked to, and finds nothing."""
    pool = BlockPool(5, 1, prefix_cache=False)
    pool.drop(pool.take())
    assert pool.find([1, 2]) == [] and not pool.prefix_cache


def test_leaks_are_seen() -> None:
    """A block that is held by nobody who is known, or by fewer than are known, is found."""
    pool = BlockPool(4, 1)
    block = pool.take()
    with pytest.raises(InvariantError, match="1 holders and are held 0 times"):
        pool.check(Counter(), thorough=True)
    with pytest.raises(InvariantError, match=f"block {block}"):
        pool.check(Counter([block, block]), thorough=True)
    pool.check(Counter([block]), thorough=True)
    pool.drop(block)
    pool.remember(0, pool.take(), [1])
    with pytest.raises(InvariantError):
        pool.check(Counter(), thorough=True)


@pytest.mark.parametrize(("blocks", "block_tokens"), [(1, 8), (0, 8), (4, 0)])
def test_a_cache_of_nothing_is_refused(blocks: int, block_tokens: int) -> None:
    """A cache that could hold no token is refused with the numbers in it."""
    with pytest.raises(ValueError, match=f"not {blocks} of {block_tokens}"):
        BlockPool(blocks, block_tokens)


TEXTS = st.lists(st.integers(0, 1), min_size=1, max_size=9)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(size=st.integers(1, 3), texts=st.lists(st.tuples(TEXTS, st.integers(0, 5)), max_size=25))
def test_only_what_is_the_same_is_ever_found(size: int, texts: list[tuple[list[int], int]]) -> None:
    """Whatever is held, let go of and forgotten, a block is found only for the very tokens that were put in it."""
    pool = BlockPool(24, size)
    content: dict[int, list[int]] = {}
    holding: list[list[int]] = []
    for text, leaving in texts:
        while holding and (leaving < len(holding) or pool.free < pool.blocks_for(len(text))):
            let_go(pool, holding.pop(leaving % len(holding)))
        found = pool.find(text)
        assert len(found) <= (len(text) - 1) // size
        for place, block in enumerate(found, 1):
            assert content[block] == text[: place * size]
        blocks = list(found)
        for block in found:
            pool.hold(block)
        if pool.free + len(blocks) < pool.blocks_for(len(text)):
            let_go(pool, blocks)
            continue
        while len(blocks) < pool.blocks_for(len(text)):
            blocks.append(pool.take())
            content.pop(blocks[-1], None)
        chain = list(found)
        for place in range(len(found), len(text) // size):
            known = pool.remember(chain[-1] if chain else 0, blocks[place], text[place * size : (place + 1) * size])
            content.setdefault(known, text[: (place + 1) * size])
            assert content[known] == text[: (place + 1) * size]
            chain.append(known)
        own = [block for block in blocks if block not in chain]
        holding.append(chain + own)
        pool.check(Counter(block for each in holding for block in each), thorough=True)
    for each in holding:
        let_go(pool, each)
    pool.check(Counter(), thorough=True)
