"""What `multipleOf` in a JSON schema costs, which llguidance's own limits do not count. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

# A number is followed by its remainder: as many states as the least common multiple of all divisors, wherever they
# stand. A million of them are ten seconds and half a gigabyte; a few primes below 1000 are more than any machine has.
_MOST_REMAINDERS = 20_000


def check_divisors(schema: str) -> None:
    """Raise ValueError when following all its `multipleOf` would cost too much."""
    common = 1
    for divisor in _divisors(json.loads(schema, parse_float=Decimal)):
        common = math.lcm(common, divisor)
        if common > _MOST_REMAINDERS:
            raise ValueError(f"the least common multiple of its multipleOf may be {_MOST_REMAINDERS}, zeros left out.")


def _divisors(schema: Any) -> Iterator[int]:
    """The digits of each `multipleOf`, without zeros around them: a decimal point costs nothing."""
    rest = [schema]
    while rest:
        one = rest.pop()
        if isinstance(one, dict):
            given = one.get("multipleOf")
            if isinstance(given, int | Decimal) and not isinstance(given, bool) and given > 0:
                yield int("".join(map(str, Decimal(given).normalize().as_tuple().digits)))
        rest += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
