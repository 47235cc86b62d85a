"""From a model's name to a model that is ready to be run: files, configuration, tokenizer, weights, a look at it."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from bot.engine.base import EngineFault, EngineRefused
from bot.engine.local.assembly import runner_of
from bot.engine.local.checkpoint import Checkpoint, Progress, brief, find
from bot.engine.local.device import available_memory, device_of, dtype_of, use_threads
from bot.engine.local.loaded import Loaded, loaded_from
from bot.engine.local.quiet import quiet
from bot.engine.local.settings import LocalSettings

GENERATORS = ("ForCausalLM", "LMHeadModel")
"""How the classes of decoder-only language models end."""

__all__ = ["Loaded", "load", "loaded_from", "runner_of"]


def load(settings: LocalSettings, progress: Progress) -> Loaded:
    """Load `settings.model`, a folder or an id of the Hugging Face hub.

    Raises `EngineFault`, `EngineRefused` where the model or a setting is the reason; both say what to do.
    `progress` is called with what is being done and how far it is, from 0 to 1, in this thread.
    """
    use_threads(settings)
    device = device_of(settings)
    with quiet(progress):
        progress("reading the configuration", 0.0)
        checkpoint = find(settings, progress)
        config = _config(checkpoint, settings)
        checkpoint.complete(progress)
        dtype = dtype_of(settings, device, _own_dtype(config))
        _check_memory(checkpoint, device, dtype)
        progress("reading the tokenizer", 0.0)
        tokenizer = _tokenizer(checkpoint, settings)
        progress("loading weights", 0.0)
        model = _model(checkpoint, config, dtype, settings)
        try:
            progress("checking the model", 0.0)
            model.to(device=device)  # type: ignore[call-arg]  # its wrapper hides the signature from mypy
            loaded = loaded_from(model, tokenizer, settings, name=checkpoint.name)
        except torch.OutOfMemoryError:
            raise EngineFault(_too_large(checkpoint.name, _bytes(model), device)) from None
        progress("checking the model", 1.0)
    return loaded


def _config(checkpoint: Checkpoint, settings: LocalSettings) -> PretrainedConfig:
    """The configuration, if it is that of a model which may and can be run."""
    written = checkpoint.config()
    kind = written.get("model_type")
    if written.get("auto_map") and not settings.trust_remote_code and kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise EngineRefused(
            f"{checkpoint.name} brings Python code of its own, which would run here with all your rights. Read it, and "
            "if you trust it, set trust_remote_code to true.",
            field="trust_remote_code",
        )
    classes = [str(name) for name in written.get("architectures") or ()]
    if written.get("is_encoder_decoder"):
        raise _not_causal(checkpoint.name, "an encoder-decoder model")
    if {"vision_config", "audio_config"} & set(written):
        raise _not_causal(checkpoint.name, "a model for images or sound beside text")
    if classes and not any(name.endswith(GENERATORS) for name in classes):
        raise _not_causal(checkpoint.name, f"a {classes[0]}")
    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(
            checkpoint.folder, trust_remote_code=settings.trust_remote_code, local_files_only=True
        )
    except Exception as fault:
        raise EngineFault(
            f"The config.json of {checkpoint.name} cannot be used ({brief(fault)}). If the model is newer than the "
            "transformers that is installed here, upgrade that."
        ) from None
    if not settings.trust_remote_code and config.model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise _not_causal(checkpoint.name, f"a {config.model_type} model")
    return config


def _not_causal(name: str, what: str) -> EngineRefused:
    return EngineRefused(
        f"{name} is {what}. This engine runs decoder-only language models: take one whose config.json names a class "
        "that ends in ForCausalLM.",
        field="model",
    )


def _tokenizer(checkpoint: Checkpoint, settings: LocalSettings) -> PreTrainedTokenizerBase:
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            checkpoint.folder, trust_remote_code=settings.trust_remote_code, local_files_only=True
        )
        empty = not tokenizer("Hello", add_special_tokens=False)["input_ids"]
    except Exception as fault:
        raise EngineFault(
            f"The tokenizer of {checkpoint.name} cannot be read ({brief(fault)}). Its files (tokenizer.json and "
            "tokenizer_config.json) belong in the model's folder."
        ) from None
    if empty:  # transformers makes one without words where the files are missing
        raise EngineFault(
            f"The tokenizer of {checkpoint.name} cannot be read: it knows no words. Its files (tokenizer.json and "
            "tokenizer_config.json) belong in the model's folder."
        )
    return tokenizer


def _model(
    checkpoint: Checkpoint, config: PretrainedConfig, dtype: torch.dtype, settings: LocalSettings
) -> PreTrainedModel:
    """The model in memory, every weight of it read from the checkpoint."""
    loader: Any = AutoModelForCausalLM
    try:
        model, report = loader.from_pretrained(
            checkpoint.folder,
            config=config,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=settings.trust_remote_code,
            local_files_only=True,
            attn_implementation="eager",
            ignore_mismatched_sizes=True,  # they are told below
            output_loading_info=True,
        )
    except torch.OutOfMemoryError:
        raise
    except Exception as fault:
        raise EngineFault(
            f"The weights of {checkpoint.name} cannot be loaded ({brief(fault)}). Get the model again; if it is packed "
            "in a format of its own (GPTQ, AWQ), take the plain one."
        ) from None
    wrong = sorted(report["missing_keys"]) + sorted(key for key, *_ in report["mismatched_keys"])
    if wrong:
        raise EngineFault(
            f"The weights of {checkpoint.name} do not have, or not in the right shape, {len(wrong)} of those that its "
            f"config.json asks for (such as {wrong[0]}): they would be random numbers. Get the model again."
        )
    result: PreTrainedModel = model
    return result


def _check_memory(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype) -> None:
    """Say that the model is too large before the system ends the process for it. Reads every file's head."""
    needed = checkpoint.numbers() * dtype.itemsize
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else available_memory()
    if needed > free:
        raise EngineRefused(_too_large(checkpoint.name, needed, device, free), field="model")


def _too_large(name: str, needed: int, device: torch.device, free: int | None = None) -> str:
    there = "" if free is None else f"; {free / 2**30:.1f} GB are free"
    place = "the GPU" if device.type == "cuda" else "this machine"
    return (
        f"{name} does not fit into the memory of {place}: its weights take {needed / 2**30:.1f} GB{there}. "
        "Take a smaller model or a narrower dtype, or end what else runs there."
    )


def _bytes(model: PreTrainedModel) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())


def _own_dtype(config: PretrainedConfig) -> torch.dtype | None:
    text = config.get_text_config()
    own = getattr(text, "dtype", None) or getattr(text, "torch_dtype", None)
    return getattr(torch, own) if isinstance(own, str) else own
