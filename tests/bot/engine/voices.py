"""Recordings, and small random models of the Whisper family that listen to them, all made here."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerFast,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

LANGUAGES = ("en", "de", "zh")
_BYTES = sorted(pre_tokenizers.ByteLevel.alphabet())
_SPECIAL = (
    "<|endoftext|>", "<|startoftranscript|>", *(f"<|{language}|>" for language in LANGUAGES),
    "<|translate|>", "<|transcribe|>", "<|notimestamps|>",
)  # fmt: skip
_WORDS = {word: at for at, word in enumerate((*_BYTES, *_SPECIAL))}
"""As Whisper has them: what comes after "no timestamps" would be moments."""
_END, _START = _WORDS["<|endoftext|>"], _WORDS["<|startoftranscript|>"]
_CONTEXT = 24


def tone(seconds: float, *, rate: int = 48_000, hertz: float = 440, loud: float = 0.3) -> NDArray[np.float32]:
    """A tone that swells and falls, so that a model has something to hear."""
    moments = np.arange(int(seconds * rate)) / rate
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 1.7 * moments)
    return (loud * swell * np.sin(2 * np.pi * hertz * moments)).astype(np.float32)


def recorded(
    samples: NDArray[np.float32], *, rate: int = 48_000, kind: str = "OGG", subtype: str | None = "OPUS"
) -> bytes:
    """A file of sound; as it is, a voice note of Telegram's."""
    file = BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def whisper(*, multilingual: bool = True, seed: int = 0) -> WhisperForConditionalGeneration:
    """A model that says something else for each recording, and always the same for one."""
    config = WhisperConfig(
        vocab_size=len(_WORDS),
        num_mel_bins=8,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_target_positions=_CONTEXT,
        init_std=1.0,
        pad_token_id=_END,
        bos_token_id=_END,
        eos_token_id=_END,
        decoder_start_token_id=_START,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = WhisperForConditionalGeneration(config).eval()
    model.generation_config = _generation(multilingual=multilingual)
    return model


def _generation(*, multilingual: bool) -> GenerationConfig:
    tasks = {task: _WORDS[f"<|{task}|>"] for task in ("translate", "transcribe")}
    known = {f"<|{language}|>": _WORDS[f"<|{language}|>"] for language in LANGUAGES}
    return GenerationConfig(
        decoder_start_token_id=_START,
        eos_token_id=_END,
        pad_token_id=_END,
        bos_token_id=_END,
        max_length=_CONTEXT,
        no_timestamps_token_id=_WORDS["<|notimestamps|>"],
        is_multilingual=multilingual,
        **({"lang_to_id": known, "task_to_id": tasks} if multilingual else {}),
    )


def tokenizer() -> PreTrainedTokenizerFast:
    """Bytes are its words."""
    backend = Tokenizer(models.BPE(vocab=_WORDS, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token=_SPECIAL[0], eos_token=_SPECIAL[0], pad_token=_SPECIAL[0]
    )
    fast.add_special_tokens({"additional_special_tokens": list(_SPECIAL[1:])})
    return fast


def features() -> WhisperFeatureExtractor:
    return WhisperFeatureExtractor(feature_size=8)


def folder(path: Path, **how: Any) -> Path:
    """A model as it is downloaded."""
    whisper(**how).save_pretrained(path)
    tokenizer().save_pretrained(path)
    features().save_pretrained(path)
    return path
