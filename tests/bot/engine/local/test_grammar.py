"""Answers keep the form that was asked for, whatever the model would rather say."""

from __future__ import annotations

import builtins
import json
import random
import re
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.base import EngineFault, EngineRefused
from bot.engine.local import grammar as grammars
from bot.engine.local.grammar import Grammar, Grammars, grammar_of
from bot.events import Sampling
from tests.bot.engine.local.drawing import request, sampler, settle
from tests.bot.engine.local.families import EOS, TURN_END, VOCABULARY, tokenizer

TOKENIZER = tokenizer()
ENDS = (EOS, TURN_END)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ["new", "old", "旧"]}, "maxItems": 3},
        "open": {"type": "boolean"},
    },
    "required": ["name", "age", "tags", "open"],
    "additionalProperties": False,
}
EXPRESSIONS = (
    r"[0-9]{3}-[a-c]{2,5}",
    "yes|no|perhaps",
    r"(ab|c)+d",
    r"[^x]{1,6}x",
    "é+ü",
    r"\+49 [0-9]{2,4}( [0-9]{2}){2}",
)
CHOICES = ("yes", "no", "no way", 'say "hi" \\ bye', "两个\n字", "<|im_end|>", "/x/ | y")


def bound(width: int = VOCABULARY, **form: Any) -> Grammar:
    found = grammar_of(Sampling(**form), TOKENIZER, width)
    assert found is not None
    return found


def written(form: Grammar, seed: int, *, temperature: float = 1.0, width: int = VOCABULARY, ends: Any = ENDS) -> str:
    """An answer by a model that knows nothing, drawn until it is done."""
    generator = torch.Generator().manual_seed(seed)
    drawing = sampler(1, width, ends)
    running = request(Sampling(temperature=temperature, logit_bias={5: -100}), seed=seed, grammar=form)
    drawing.place(running)
    while not form.done:
        logits = torch.randn((1, width), generator=generator) * 3
        (drawn,) = drawing.draw(logits, [running]).wait()
        assert drawn.finite
        form.accept(drawn.token)
        settle(running, drawn)
        assert running.generated < 400
    answer = running.tokens[running.prompt_length :]
    return str(TOKENIZER.decode([token for token in answer if token not in ends]))


def obeys(value: Any) -> bool:
    """Whether `value` is what SCHEMA describes."""
    return (
        isinstance(value, dict)
        and value.keys() == SCHEMA["properties"].keys()
        and isinstance(value["name"], str)
        and len(value["name"]) <= 8
        and type(value["age"]) is int
        and 0 <= value["age"] <= 150
        and len(value["tags"]) <= 3
        and all(tag in ("new", "old", "旧") for tag in value["tags"])
        and type(value["open"]) is bool
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**20), st.sampled_from([0.0, 0.8, 2.0]))
def test_random_logits_write_json_of_the_schema(seed: int, temperature: float) -> None:
    """Whatever the scores say, what comes out parses and obeys."""
    assert obeys(json.loads(written(bound(json_schema=json.dumps(SCHEMA)), seed, temperature=temperature)))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**20), st.sampled_from(EXPRESSIONS))
def test_random_logits_match_the_expression(seed: int, expression: str) -> None:
    """The whole answer matches, not a part of it."""
    assert re.fullmatch(expression, written(bound(regex=expression), seed), re.DOTALL)


def test_random_logits_take_a_choice() -> None:
    """One of the choices comes out, letter for letter, and none is out of reach."""
    assert {written(bound(choice=CHOICES), seed) for seed in range(80)} == set(CHOICES)


@pytest.mark.parametrize("width", [VOCABULARY, VOCABULARY + 1, VOCABULARY + 7, VOCABULARY + 100, VOCABULARY - 1])
def test_logits_wider_and_narrower_than_the_tokenizer(width: int) -> None:
    """Padding behind the last token is never drawn, nor what the tokenizer has and the model has not."""
    form = bound(width, regex="(.|\\n)*")
    bits = form.allowed(ENDS)
    assert len(bits) % 4 == 0
    allowed = {token for token in range(len(bits) * 8) if bits[token >> 3] >> (token & 7) & 1}
    assert max(allowed) == min(width, VOCABULARY) - 1
    assert allowed >= set(ENDS)
    for seed in range(10):
        assert re.fullmatch("[a-z]{2}[0-9]*", written(bound(width, regex="[a-z]{2}[0-9]*"), seed, width=width))


def test_the_end_is_allowed_exactly_where_the_form_is_complete() -> None:
    """All of the model's end tokens are, and whichever is drawn, the answer is done."""
    for end in ENDS:
        form = bound(regex="ab+")
        for text, complete in (("", False), ("a", False), ("b", True), ("b", True)):
            for token in TOKENIZER.encode(text):
                form.accept(token)
            bits = form.allowed(ENDS)
            assert [bool(bits[token >> 3] >> (token & 7) & 1) for token in ENDS] == [complete] * 2
            assert not form.done
        form.accept(end)
        assert form.done


def test_a_model_without_an_end_token_can_be_done() -> None:
    """A form that nothing can follow is done by itself."""
    assert written(bound(choice=("one", "two")), 1, ends=()) in ("one", "two")


def test_leaving_the_form_is_an_error_of_this_answer() -> None:
    """A token that was never allowed is not taken in silence."""
    form = bound(regex="ab+")
    with pytest.raises(EngineFault, match="regex"):
        form.accept(TOKENIZER.encode("z")[0])
    assert "regex" in form.failure
    assert not form.done
    assert not any(form.allowed(ENDS))


def test_forks_go_their_own_ways() -> None:
    """Of n answers each has its own place in the form."""
    form = bound(regex="a(b|c)")
    form.accept(TOKENIZER.encode("a")[0])
    other = form.fork()
    form.accept(TOKENIZER.encode("b")[0])
    assert form.done
    assert not other.done
    other.accept(TOKENIZER.encode("c")[0])
    assert other.done


def test_a_grammar_begins_anew_each_time() -> None:
    """What is kept compiled is not advanced by those that use it."""
    first = bound(choice=("left", "right"))
    first.accept(TOKENIZER.encode("l")[0])
    assert bound(choice=("left", "right")).allowed() != first.allowed()


def test_preemption_leaves_the_form_where_it_is() -> None:
    """Placed again, an answer goes on in the middle of its form: what was accepted is accepted once."""
    form = bound(regex="[ab]{30}")
    drawing, running = sampler(2, VOCABULARY, ENDS), request(Sampling(temperature=1.0), seed=2, grammar=form)
    drawing.place(running)
    number = 0
    while not form.done:
        number += 1
        if number % 5 == 0:
            running.slot = 1 - running.slot
            drawing.place(running)
        (drawn,) = drawing.draw(torch.zeros((1, VOCABULARY)), [running]).wait()
        form.accept(drawn.token)
        settle(running, drawn)
    assert re.fullmatch("[ab]{30}", TOKENIZER.decode(running.tokens[running.prompt_length :]))


def test_bound_and_free_answers_share_a_batch() -> None:
    """Masks fall on the rows that they belong to; a NaN behind a mask is still seen."""
    logits = torch.randn((4, VOCABULARY), generator=torch.Generator().manual_seed(3))
    forms = [bound(choice=("a",)), None, bound(regex="[0-9]"), bound(choice=("b",))]
    logits[3, 200] = float("nan")
    running = [request(Sampling(), slot=slot, grammar=form) for slot, form in enumerate(forms)]
    drawing = sampler(4, VOCABULARY, ENDS)
    for each in running:
        drawing.place(each)
    only, free, digit, broken = drawing.draw(logits, running).wait()
    assert TOKENIZER.decode([only.token]) == "a"
    assert free.token == int(logits[1].argmax())
    assert TOKENIZER.decode([digit.token]).isdigit()
    assert not broken.finite


@pytest.mark.parametrize(
    ("field", "form", "said"),
    [
        ("json_schema", "{", "EOF"),
        ("json_schema", "[]", "object"),
        ("json_schema", "true", "object"),
        ("json_schema", '{"type": "strin"}', "strin"),
        ("json_schema", '{"const": NaN}', "expected value"),
        ("json_schema", '{"not": {}}', "not"),
        ("json_schema", '{"properties": {"a": {"$ref": "http://example.com/x"}}}', "example.com"),
        ("json_schema", '{"type": "integer", "minimum": 5, "maximum": 1}', "Unsatisfiable"),
        ("json_schema", '{"type": "string", "pattern": "("}', "unclosed"),
        ("json_schema", "[" * 50_000, "recursion"),
        ("json_schema", '{"type": "integer", "multipleOf": 3999971}', "multipleOf"),
        ("json_schema", '{"type": "number", "multipleOf": 0.3999971}', "multipleOf"),
        ("json_schema", '{"anyOf": [{"multipleOf": 997}, {"items": {"multipleOf": 991}}]}', "multipleOf"),
        ("regex", "(", "unclosed group"),
        ("regex", "(?=a)b", "look-around"),
        ("regex", r"(a)\1", "backreferences"),
        ("regex", "(a{1000}){1000}", "too many"),
        ("regex", "(" * 4_000 + ")" * 4_000, ""),
    ],
)
def test_what_cannot_be_followed_is_refused_with_the_reason(field: str, form: str, said: str) -> None:
    """Before it is queued, and by field, in llguidance's own words, kept short."""
    with pytest.raises(EngineRefused) as refused:
        bound(**{field: form})
    assert refused.value.field == field
    assert str(refused.value).startswith(field)
    assert said in str(refused.value)
    assert len(str(refused.value)) < 600


def test_multiples_are_written() -> None:
    """Those that cost little: money, quarters, thousands."""
    schema = '{"type": "array", "minItems": 3, "maxItems": 3, "items": {"type": "integer", "multipleOf": %s}}'
    for divisor in ("250", "10000", "1e6", "17"):
        bound(json_schema=schema % divisor)
    bound(json_schema='{"items": {"anyOf": [{"multipleOf": 0.01}, {"multipleOf": 5}, {"multipleOf": 1000}]}}')


def test_a_choice_may_hold_any_character() -> None:
    """Control characters too."""
    for choice in ("a\x00b", "a\x1bb", "a\x7fb", 'a"\\/b', "é你🙂\u2028"):
        form, tokens = bound(choice=(choice,)), []
        while not form.done:
            allowed = form.allowed()
            tokens.append(next(token for token in range(VOCABULARY) if allowed[token >> 3] >> (token & 7) & 1))
            form.accept(tokens[-1])
        assert TOKENIZER.decode(tokens) == choice


def test_whitespace_cannot_go_on_for_ever() -> None:
    """A model that loves blanks still gets to the next brace."""
    form = bound(json_schema='{"type": "object", "properties": {}, "additionalProperties": false}')
    drawing, running = sampler(1, VOCABULARY, ENDS), request(Sampling(max_tokens=200), grammar=form)
    logits = torch.zeros((1, VOCABULARY))
    for token in range(VOCABULARY):
        if TOKENIZER.decode([token]).isspace():
            logits[0, token] = 9.0
    drawing.place(running)
    while not form.done:
        (drawn,) = drawing.draw(logits, [running]).wait()
        form.accept(drawn.token)
        settle(running, drawn)
        assert running.generated < 200
    assert json.loads(TOKENIZER.decode(running.tokens[running.prompt_length :])) == {}


def test_nothing_binds_most_answers() -> None:
    """Without a form there is no grammar, and llguidance is not even looked for."""
    assert grammar_of(Sampling(), object(), VOCABULARY) is None


def test_without_llguidance_the_request_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an optional part, missed by those alone who ask for it."""
    real = builtins.__import__

    def absent(name: str, *rest: Any, **named: Any) -> Any:
        if name == "llguidance":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(EngineRefused, match="pip install llguidance") as refused:
        grammar_of(Sampling(regex="a"), tokenizer(), VOCABULARY)
    assert refused.value.field == "regex"


def test_a_slow_tokenizer_is_refused() -> None:
    """Only tokenizers with a tokenizer.json can be read by llguidance."""

    class Slow:
        pass

    with pytest.raises(EngineRefused, match="fast tokenizer") as refused:
        grammar_of(Sampling(choice=("a",)), Slow(), VOCABULARY)
    assert refused.value.field == "choice"


def test_the_callers_tokenizer_stays_as_it_is() -> None:
    """The end token of the form is added to a copy."""
    mine = tokenizer()
    before = mine.backend_tokenizer.to_str()
    grammar_of(Sampling(regex="a"), mine, VOCABULARY)
    assert mine.backend_tokenizer.to_str() == before


def test_only_the_latest_stay_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store of compiled grammars is bounded, and the one used last stays in it."""
    monkeypatch.setattr(grammars, "_COMPILED", 3)
    store = Grammars(TOKENIZER, VOCABULARY)
    for number in (0, 1, 2, 0, 3):
        store.of("regex", f"a{number}")
    assert [text for _, text in store._compiled] == ["a2", "a0", "a3"]


@pytest.mark.parametrize("seed", range(5))
def test_masks_agree_with_trying(seed: int) -> None:
    """A token is allowed exactly when accepting it works."""
    chance, form = random.Random(seed), bound(json_schema=json.dumps(SCHEMA))
    for _ in range(12):
        bits = form.allowed(ENDS)
        allowed = {token for token in range(VOCABULARY) if bits[token >> 3] >> (token & 7) & 1}
        for token in chance.sample(range(VOCABULARY), 40):
            trial = form.fork()
            try:
                trial.accept(token)
            except EngineFault:
                assert token not in allowed
            else:
                assert token in allowed
        form.accept(chance.choice(sorted(allowed)))
        if form.done:
            break
