"""Failed asserts in the contracts explain themselves as those of tests do."""

import pytest

pytest.register_assert_rewrite(
    "tests.contracts.store",
    "tests.contracts.store_keys",
    "tests.contracts.store_knowledge",
    "tests.contracts.store_lease",
    "tests.contracts.store_memory",
    "tests.contracts.store_visitors",
)
