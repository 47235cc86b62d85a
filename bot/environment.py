"""Settings from the environment: `FRONTDESK_SECTION__KEY` becomes `section.key`. Pure; knows no setting itself."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from bot.errors import ConfigError

PREFIX = "FRONTDESK_"
_NEAR, _NEAR_SECRET = 0.85, 0.9
# What Kubernetes sets by itself for a service that is called "frontdesk".
_OF_THE_CLUSTER = re.compile(PREFIX + r"(SERVICE_HOST|SERVICE_PORT|PORT)(_.*)?")


def variable_of(path: Iterable[str]) -> str:
    """The variable that sets the key at `path`."""
    return PREFIX + "__".join(path).upper()


def settings(environ: Mapping[str, str], *, known: Iterable[str], secrets: Iterable[str]) -> dict[str, Any]:
    """The settings in `environ`, nested like the file. `known` and `secrets` are names of variables.

    A variable that nearly has the name of a known one is taken for a mistake; another program's is left alone.
    Raises `ConfigError`.
    """
    names, hidden = set(known), set(secrets)
    tree: dict[str, Any] = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable in hidden or _OF_THE_CLUSTER.fullmatch(variable):
            continue
        if near := difflib.get_close_matches(variable.removeprefix(PREFIX), _short(hidden), 1, _NEAR_SECRET):
            raise ConfigError(f"{variable} is not a secret that is known. Did you mean {PREFIX}{near[0]}?")
        if variable in names or "__" in variable:
            _put(tree, variable, environ[variable])
        elif meant := _meant(variable, names):
            raise ConfigError(f"{variable} is not a setting. Did you mean {meant}?")
    return tree


def _short(variables: Iterable[str]) -> list[str]:
    return sorted(variable.removeprefix(PREFIX) for variable in variables)


def _meant(variable: str, names: Iterable[str]) -> str:
    """The known variable that somebody meant who wrote one underscore for two, or a letter wrong."""
    plain = {name.removeprefix(PREFIX).replace("__", "_"): name for name in names}
    near = difflib.get_close_matches(variable.removeprefix(PREFIX), plain, 1, _NEAR)
    return plain[near[0]] if near else ""


def _put(tree: dict[str, Any], variable: str, text: str) -> None:
    *path, last = variable.removeprefix(PREFIX).lower().split("__")
    node: Any = tree
    for key in path:
        node = node.setdefault(key, {})
        if not isinstance(node, dict):
            raise ConfigError(f"{variable} contradicts {variable_of(path)}: set one of them.")
    node[last] = _value(text)


def _value(text: str) -> Any:
    """JSON where it is a list or a table; else the text itself, which the setting's own type reads."""
    if text[:1] not in ("[", "{"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
