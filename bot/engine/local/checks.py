"""Which sampling settings can be served: all are checked before a request is queued, so that none ends a batch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NoReturn

from bot.engine.base import EngineRefused, SamplingSettings

SEEDS = (-(2**63), 2**63 - 1)
MOST_ANSWERS = 16
MOST_STOPS = 32
LONGEST_STOP = 1_000
MOST_BIASED = 1_024
MOST_TOP_LOGPROBS = 20
LONGEST_SCHEMA = 200_000
LONGEST_REGEX = 10_000
MOST_CHOICES = 1_000
LONGEST_CHOICE = 1_000
_SHOWN_CHARACTERS = 60
_FORMS = ("json_schema", "regex", "choice")


def check(sampling: SamplingSettings, *, vocabulary: int, context_tokens: int) -> None:
    """Raise EngineRefused, naming the field, its range and what was given, unless all of `sampling` can be done.

    `vocabulary` is the number of token ids, `context_tokens` the longest prompt and answer together. What passes
    can be given to the sampler; whether a schema or an expression is understood is for `grammar_of` to say.
    """
    _number(sampling, "temperature", 0, 2)
    _number(sampling, "top_p", 0, 1, above=True)
    _number(sampling, "min_p", 0, 1)
    _number(sampling, "frequency_penalty", -2, 2)
    _number(sampling, "presence_penalty", -2, 2)
    _number(sampling, "repetition_penalty", 0.01, 10)
    _whole(sampling, "top_k", 0, 2**31 - 1, hint=" (0 switches it off)")
    _whole(sampling, "max_tokens", 1, context_tokens, hint=", the context of this model")
    _whole(sampling, "n", 1, MOST_ANSWERS)
    if sampling.seed is not None:
        _whole(sampling, "seed", *SEEDS, hint=", or nothing")
    _bias(sampling.logit_bias, vocabulary)
    _truth(sampling, "ignore_eos")
    _truth(sampling, "logprobs")
    _whole(sampling, "top_logprobs", 0, MOST_TOP_LOGPROBS)
    if sampling.top_logprobs and not sampling.logprobs:
        _refuse("top_logprobs", "0 unless logprobs is set", sampling.top_logprobs)
    _texts(sampling, "stop", MOST_STOPS, LONGEST_STOP)
    _forms(sampling)


def _number(sampling: SamplingSettings, field: str, low: float, high: float, *, above: bool = False) -> None:
    value = getattr(sampling, field)
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    # Comparing with an int of any size is exact, and no comparison holds for NaN.
    if not usable or not low <= value <= high or (above and value <= low):
        _refuse(field, f"above {low} and at most {high}" if above else f"a number from {low} to {high}", value)


def _whole(sampling: SamplingSettings, field: str, low: int, high: int, *, hint: str = "") -> None:
    value = getattr(sampling, field)
    if not _is_whole(value) or not low <= value <= high:
        _refuse(field, f"a whole number from {low} to {high}{hint}", value)


def _truth(sampling: SamplingSettings, field: str) -> None:
    value = getattr(sampling, field)
    if not isinstance(value, bool):
        _refuse(field, "true or false", value)


def _bias(bias: object, vocabulary: int) -> None:
    if not isinstance(bias, Mapping):
        _refuse("logit_bias", "a mapping of token ids to numbers", bias)
    if len(bias) > MOST_BIASED:
        _refuse("logit_bias", f"for at most {MOST_BIASED} tokens", f"{len(bias)} of them")
    for token, value in bias.items():
        if not _is_whole(token) or not 0 <= token < vocabulary:
            _refuse("logit_bias", f"for token ids from 0 to {vocabulary - 1}", token)
        if not isinstance(value, int | float) or isinstance(value, bool) or not -100 <= value <= 100:
            _refuse("logit_bias", "numbers from -100 to 100", value)


def _forms(sampling: SamplingSettings) -> None:
    _text("json_schema", sampling.json_schema, LONGEST_SCHEMA)
    _text("regex", sampling.regex, LONGEST_REGEX)
    _texts(sampling, "choice", MOST_CHOICES, LONGEST_CHOICE)
    given = [field for field in _FORMS if getattr(sampling, field)]
    if len(given) > 1:
        raise EngineRefused(f"Only one of {', '.join(_FORMS)} can be used; {' and '.join(given)} are.", field=given[1])


def _texts(sampling: SamplingSettings, field: str, most: int, longest: int) -> None:
    values = getattr(sampling, field)
    if not isinstance(values, tuple | list):
        _refuse(field, "a list of texts", values)
    if len(values) > most:
        _refuse(field, f"at most {most} texts", f"{len(values)} of them")
    for value in values:
        _text(field, value, longest)
        if not value:
            _refuse(field, f"texts of 1 to {longest} characters", value)


def _text(field: str, value: object, longest: int) -> None:
    if not isinstance(value, str):
        _refuse(field, "text", value)
    if len(value) > longest:
        _refuse(field, f"at most {longest} characters long", f"{len(value)} of them")
    try:
        value.encode()
    except UnicodeEncodeError:
        _refuse(field, "text without halves of characters (surrogates)", value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _refuse(field: str, wanted: str, given: object) -> NoReturn:
    raise EngineRefused(f"{field} must be {wanted}, not {_shown(given)}.", field=field)


def _shown(given: object) -> str:
    """What was given, short enough for an error, whatever it is."""
    if isinstance(given, float) and not math.isfinite(given):
        return str(given)
    if isinstance(given, int) and abs(given) >= 2**64:
        return "a number of more than 64 bits"
    if isinstance(given, str | int | float | None):
        text = ascii(given) if isinstance(given, str) and not given.isprintable() else repr(given)
        return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return f"a value of the type {type(given).__name__}"
