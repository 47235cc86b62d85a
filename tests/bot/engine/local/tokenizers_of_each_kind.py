"""Small tokenizers of every kind of decoder, made here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from tests.bot.engine.local.families import tokenizer as byte_level

_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
_WORDS = ["▁", "a", "b", "▁a", "▁b", "ab", "▁ab", "▁▁", "é", "你", "."]
_MERGES = [("▁", "a"), ("▁", "b"), ("a", "b"), ("▁", "ab"), ("▁", "▁")]


def sentencepiece(*, strip: int = 1, frame: bool = True) -> PreTrainedTokenizerFast:
    """As Llama 2 and Mistral (or with `strip=0` as Gemma): spaces are marked, unknown characters are byte tokens."""
    words = ["<unk>", "<s>", "</s>", *_BYTES, *_WORDS]
    backend = Tokenizer(
        models.BPE(
            vocab={word: at for at, word in enumerate(words)},
            merges=_MERGES,
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    prepend = [normalizers.Prepend("▁")] if strip else []
    backend.normalizer = normalizers.Sequence([*prepend, normalizers.Replace(" ", "▁")])
    ends: list[Any] = [decoders.Strip(" ", strip, 0)] if strip else []
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *ends])
    if frame:
        backend.post_processor = processors.TemplateProcessing(
            single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 1)]
        )
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def metaspace() -> PreTrainedTokenizerFast:
    """As T5: marked spaces, no byte tokens."""
    words = ["<unk>", "</s>", *_WORDS, "�"]
    backend = Tokenizer(models.Unigram([(word, -float(at)) for at, word in enumerate(words)], unk_id=0))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", unk_token="<unk>")


def wordpiece() -> PreTrainedTokenizerFast:
    """As BERT: a word's later pieces begin with ##, and punctuation takes the space before it."""
    words = ["[UNK]", "[CLS]", "[SEP]", "a", "b", "##a", "##b", "##ing", "你", ".", ",", "é"]
    backend = Tokenizer(models.WordPiece({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token="[UNK]", bos_token="[CLS]", eos_token="[SEP]", sep_token="[SEP]"
    )


KINDS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "byte_level": byte_level,
    "sentencepiece": sentencepiece,
    "gemma": lambda: sentencepiece(strip=0),
    "metaspace": metaspace,
    "wordpiece": wordpiece,
}
