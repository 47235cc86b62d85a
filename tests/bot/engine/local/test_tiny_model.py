"""The tiny model that is really trained: what it learns from, and that it learns."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from bench import tiny_lessons, tiny_model
from bench.tiny_corpus import Pair, Section, pairs, prose, rows, varied
from bench.tiny_lessons import END, Desk, Lessons
from bench.tiny_model import Course, loss_of, model_of, tokenizer_of, train

PAIRS = pairs()


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    torch.set_num_threads(1)
    return tokenizer_of(PAIRS)


def test_the_corpus_answers_what_the_demo_is_asked() -> None:
    """English questions of the demo, with sentences of the articles that hold the answer; every pair has both."""
    answers = {pair.question: pair.answer for pair in PAIRS}
    assert "5 years" in answers["How long is a gift card valid?"]
    assert "Motor too hot" in answers["What does error E12 mean?"]
    assert "no reliable information" in answers["What is the capital of Mongolia?"]
    assert all(pair.question.strip() and pair.answer.strip() for pair in PAIRS)
    assert len(PAIRS) > 500


def test_a_section_is_told_in_sentences() -> None:
    """Emphasis and links go, a row of a table is a sentence, and lists keep their lines."""
    section = Section(
        "Locks", "Prices", "Our **locks**, see [here](a.md).\n\n| Lock | Price |\n| --- | --- |\n| Clamp | €59 |"
    )
    assert list(rows(section)) == [("Clamp", [("Price", "€59")])]
    assert prose(section) == ["Our locks, see here.", "Clamp: Price €59."]


def test_questions_come_in_several_ways() -> None:
    """One topic, many questions; the same draw gives the same one."""
    pair = Pair("Locks", "We sell them.", about=True)
    asked = {varied(pair, random.Random(seed)) for seed in range(50)}
    assert len(asked) > 20
    assert varied(pair, random.Random(3)) == varied(pair, random.Random(3))


def test_the_products_own_prompt_numbers_the_passage_that_answers(tokenizer: PreTrainedTokenizerFast) -> None:
    """What is learned to be said ends with the number under which the passage stands in the prompt."""
    desk = Desk(PAIRS, lambda text: len(tokenizer(text)["input_ids"]))
    pair = next(pair for pair in PAIRS if pair.question == "How long is a gift card valid?")
    for seed in range(5):
        system, answer = desk.system(pair, random.Random(seed))
        assert pair.section
        said, _, number = answer.rpartition(" ")
        assert said == pair.answer
        assert (
            pair.section.text.strip()
            in system.split(f'<passage number="{number.strip("[]")}">')[1].split("</passage>")[0]
        )


def test_only_answers_are_learned(tokenizer: PreTrainedTokenizerFast) -> None:
    """What is to be said next is the answer's text and the token that ends it, never the question or the frame."""
    batches = iter(Lessons(PAIRS, tokenizer, seed=1))
    for _, (ids, said) in zip(range(tiny_lessons.LONG_EVERY), batches, strict=False):
        assert ids.shape == said.shape
        learned = said != -100
        assert torch.equal(said[:, :-1][learned[:, :-1]], ids[:, 1:][learned[:, :-1]])
        text = tokenizer.decode(said[learned])
        assert END in text
        assert not any(frame in text for frame in ("<|im_start|>", "user\n", "assistant\n"))


def test_a_batch_is_the_same_for_the_same_seed(tokenizer: PreTrainedTokenizerFast) -> None:
    """And another for another."""
    first = [next(iter(Lessons(PAIRS, tokenizer, seed)))[0] for seed in (5, 5, 6)]
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])


def test_the_rate_of_learning_rises_and_falls() -> None:
    """From a twentieth to the peak, then down to a hundredth, by steps or by the clock."""
    course = Course(steps=100, minutes=0)
    rates = []
    for course.done in range(101):
        rates.append(course.rate() / tiny_model.PEAK_RATE)
    assert rates[0] == pytest.approx(0.05)
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert rates[-1] == pytest.approx(0.01)
    assert rates.index(max(rates)) < 10


def test_it_learns_and_a_run_can_be_repeated(
    tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few pairs are learned by heart in a few steps, and steps from one seed give the same weights to the bit."""
    monkeypatch.setattr(tiny_lessons, "ROWS", 2)
    monkeypatch.setattr(tiny_lessons, "ROW_TOKENS", 96)
    few, ends = PAIRS[:4], []
    for _ in range(2):
        torch.manual_seed(0)
        model = model_of(tokenizer, hidden=64, layers=1)
        lessons = Lessons(few, tokenizer, seed=0)
        batch = next(iter(Lessons(few, tokenizer, seed=9)))
        before = loss_of(model, batch).item()
        train(model, lessons, Course(steps=30, minutes=0), lambda loss: None)
        assert loss_of(model, batch).item() < before - 2
        ends.append(model.lm_head.weight.detach().clone())
    assert torch.equal(ends[0], ends[1])


def test_the_command_writes_a_model_that_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two steps: a folder of safetensors, tokenizer, chat template, the token that ends a turn; samples are shown."""
    monkeypatch.setattr(tiny_model, "SAMPLES", tiny_model.SAMPLES[:2])
    monkeypatch.setattr(tiny_model, "SAMPLE_TOKENS", 8)
    monkeypatch.setattr(sys, "argv", ["tiny_model", "--out", str(tmp_path), "--steps", "2", "--threads", "1"])
    tiny_model.main()
    said = capsys.readouterr().out
    assert "after 2 steps of" in said
    assert all(question in said for question in tiny_model.SAMPLES)
    assert list(tmp_path.glob("*.safetensors"))
    model, tokenizer = AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id == tokenizer.convert_tokens_to_ids(END)
    assert (
        tokenizer.apply_chat_template([{"role": "user", "content": "a"}], tokenize=False)
        == f"<|im_start|>user\na{END}\n"
    )
