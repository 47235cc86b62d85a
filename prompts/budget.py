"""Share tokens out between those who want some."""

from __future__ import annotations

from collections.abc import Mapping


def share(total: int, needs: Mapping[str, int], weights: Mapping[str, int]) -> dict[str, int]:
    """What each of `needs` gets of `total`, by weight; what one does not use, the others get.

    Nobody gets more than its need, the sum is at most `total`, and nothing is left while somebody is in need.
    """
    grants = dict.fromkeys(needs, 0)
    left = max(0, total)
    while left > 0:
        wanting = [name for name in needs if grants[name] < needs[name]]
        weight = sum(weights[name] for name in wanting)
        if not wanting:
            break
        for name in wanting:
            # At least one token, so that shares below one still come to an end.
            part = min(needs[name] - grants[name], max(1, left * weights[name] // weight), left)
            grants[name] += part
            weight, left = weight - weights[name], left - part
            if left == 0:
                break
    return grants
