"""How a request wants its words chosen: the fields that all addresses share, read into a `Sampling`. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.openai.fields import Fields, parse_object
from adapters.openai.problem import Problem, missing, wrong_type, wrong_value
from bot.config import ApiConfig
from bot.events import Sampling

SEEDS = (-(2**63), 2**63 - 1)
STOPS = 16
_TOKEN_ID = re.compile(r"[0-9]{1,9}")
_SCHEMA_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Form:
    """What the text must look like; `param` is the field that asked for it ("" when none did)."""

    param: str = ""
    json_schema: str = ""
    regex: str = ""
    choice: tuple[str, ...] = ()


def read_sampling(fields: Fields, config: ApiConfig, *, max_tokens: int, form: Form, logprobs: int | None) -> Sampling:
    """Temperature and its like, from `fields`. `logprobs` is how many alternatives were asked for; None is no logprobs.

    The extensions that vLLM's clients send are known too: top_k (-1 or 0: off), min_p, repetition_penalty, ignore_eos.
    """
    return Sampling(
        temperature=fields.number("temperature", 1.0, 0, 2),
        top_p=fields.number("top_p", 1.0, 0, 1),
        top_k=max(fields.integer("top_k", -1, 2**31 - 1) or 0, 0),
        min_p=fields.number("min_p", 0.0, 0, 1),
        max_tokens=max_tokens,
        stop=read_stop(fields),
        seed=fields.integer("seed", *SEEDS),
        frequency_penalty=fields.number("frequency_penalty", 0.0, -2, 2),
        presence_penalty=fields.number("presence_penalty", 0.0, -2, 2),
        repetition_penalty=_repetition(fields),
        n=fields.integer("n", 1, config.limits.answers) or 1,
        logit_bias=_bias(fields),
        logprobs=logprobs is not None,
        top_logprobs=logprobs or 0,
        ignore_eos=fields.flag("ignore_eos"),
        json_schema=form.json_schema,
        regex=form.regex,
        choice=form.choice,
    )


def read_length(fields: Fields, config: ApiConfig, *names: str) -> tuple[int, str]:
    """The longest answer, and the field that said so. `names` mean the same; at most one may be set."""
    found = [(name, fields.integer(name, 1, config.limits.max_tokens)) for name in names]
    given = [(name, value) for name, value in found if value is not None]
    if len(given) > 1:
        raise wrong_value(given[1][0], f"says the same as `{given[0][0]}`: send one of them.")
    return (given[0][1], given[0][0]) if given else (min(config.max_tokens, config.limits.max_tokens), names[0])


def read_stop(fields: Fields) -> tuple[str, ...]:
    value = fields.take("stop")
    if value is None:
        return ()
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise wrong_type("stop", "a string or an array of strings", value)
    if len(stops) > STOPS or not all(0 < len(stop) <= 1_000 for stop in stops):
        raise wrong_value("stop", f"may hold up to {STOPS} strings of 1 to 1000 characters.")
    return tuple(dict.fromkeys(stops))


def _repetition(fields: Fields) -> float:
    value = fields.number("repetition_penalty", 1.0, 0, 10)
    if value <= 0:
        raise wrong_value("repetition_penalty", "must be above 0; 1 switches it off.")
    return value


def _bias(fields: Fields) -> Mapping[int, float]:
    given = fields.mapping("logit_bias") or {}
    for token, bias in given.items():
        if not _TOKEN_ID.fullmatch(token):
            raise wrong_value("logit_bias", "must have token ids as its keys.")
        if isinstance(bias, bool) or not isinstance(bias, int | float) or not -100 <= bias <= 100:
            raise wrong_value("logit_bias", "must have numbers from -100 to 100 as its values.")
    return {int(token): float(bias) for token, bias in given.items()}


# -- the form of the text ------------------------------------------------------------------------------
def read_response_format(fields: Fields, name: str = "response_format", *, nested: bool = True) -> Form:
    """`response_format` of chats, or `text.format` of responses, where the schema is not `nested` in an object."""
    given = fields.inner(name)
    if given is None:
        return Form()
    param = fields.name(name)
    kind = given.choice("type", "", ("text", "json_object", "json_schema"))
    form = Form()
    if kind == "json_object":
        form = Form(param, json_schema='{"type":"object"}')
    elif kind == "json_schema":
        form = Form(param, json_schema=_named_schema(given, nested))
    given.done()
    return form


def _named_schema(given: Fields, nested: bool) -> str:
    inner = given.inner("json_schema") if nested else given
    if inner is None:
        raise missing(given.name("json_schema"))
    if not _SCHEMA_NAME.fullmatch(inner.text("name")):
        raise wrong_value(inner.name("name"), "must be 1 to 64 letters, digits, _ or -.")
    inner.text("description")
    inner.flag("strict")  # the text is always bound to the schema
    schema = inner.mapping("schema")
    inner.done()
    return dump(schema if schema is not None else {"type": "object"})


def read_guided(fields: Fields) -> Form:
    """The ways in which vLLM's clients bind a text: guided_json, guided_regex, guided_choice, structured_outputs."""
    forms = [_guided(fields, "guided_json", "guided_regex", "guided_choice")]
    if (inner := fields.inner("structured_outputs")) is not None:
        forms.append(_guided(inner, "json", "regex", "choice"))
        if inner.flag("json_object"):
            forms.append(Form(inner.name("json_object"), json_schema='{"type":"object"}'))
        inner.done()
    return only_form(*forms)


def only_form(*forms: Form) -> Form:
    """The one that asks for something. Raises `Problem` when two do."""
    asked = [form for form in forms if form.param]
    if len(asked) > 1:
        raise wrong_value(asked[1].param, f"cannot be combined with `{asked[0].param}`: send one of them.")
    return asked[0] if asked else Form()


def _guided(fields: Fields, schema_name: str, regex_name: str, choice_name: str) -> Form:
    schema, regex, options = fields.take(schema_name), fields.text(regex_name), fields.array(choice_name)
    if options and not all(isinstance(option, str) and option for option in options):
        raise wrong_type(fields.name(choice_name), "an array of strings that are not empty", options)
    param = fields.name(schema_name)
    return only_form(
        Form() if schema is None else Form(param, json_schema=_schema_text(param, schema)),
        Form(fields.name(regex_name), regex=regex) if regex else Form(),
        Form(fields.name(choice_name), choice=tuple(options)) if options else Form(),
    )


def _schema_text(param: str, schema: Any) -> str:
    if isinstance(schema, str):
        try:
            schema = parse_object(schema.encode())
        except Problem:
            raise wrong_value(param, "is not a JSON schema.") from None
    if not isinstance(schema, dict):
        raise wrong_type(param, "a JSON schema, as an object or as text", schema)
    return dump(schema)


def dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
