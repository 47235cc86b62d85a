"""What `frontdesk doctor` can tell of a local model without loading it."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from bot.config import Config
from bot.errors import ConfigError

_NEEDED = ("torch", "transformers", "tokenizers", "safetensors")
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model")

Told = tuple[Literal["good", "note", "bad"], str]


def examine_model(config: Config) -> Iterator[Told]:
    """Each thing that was found, with its state."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        yield "bad", f"local: {', '.join(missing)} missing: pip install 'frontdesk[local]'"
        return
    from bot.local import local_settings

    try:
        model = local_settings(config).model
    except ConfigError as error:
        yield "bad", str(error)
        return
    folder = Path(model).expanduser()
    if folder.is_dir():
        yield from _folder(folder, config)
    elif model.count("/") == 1 and not model.startswith((".", "/", "~")):
        yield _hub(model, config)
    else:
        yield "bad", f"there is no model folder {model}: set engine.model to a folder or to an id of the hub."


def _folder(folder: Path, config: Config) -> Iterator[Told]:
    configuration = _json(folder / "config.json")
    if configuration is None:
        yield "bad", f"{folder} has no config.json that can be read: name the folder that holds the model's files."
        return
    weights = sorted(folder.glob("*.safetensors"))
    lacking = [name for name in _listed(folder) if not (folder / name).is_file()]
    if not weights or lacking:
        what = f"lacks {', '.join(lacking[:3])}" if lacking else "has no safetensors files, and others are not read"
        yield "bad", f"{folder} {what}: get the model again."
        return
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        yield "bad", f"{folder} has no tokenizer.json: get the model again."
        return
    size = sum(file.stat().st_size for file in weights) / 1e9
    yield "good", f"local: {configuration.get('model_type', 'a model')} in {folder}, {size:.1f} GB of weights"
    if not (config.engine.local.chat_template or _has_template(folder)):
        yield "bad", f"{folder} has no chat template: set engine.local.chat_template, or take a model made for chat."


def _listed(folder: Path) -> list[str]:
    """The files that the index of a model in several files names."""
    index = _json(folder / "model.safetensors.index.json")
    places = index.get("weight_map") if index else None
    return sorted({str(name) for name in places.values()}) if isinstance(places, dict) else []


def _has_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file() or (folder / "chat_template.json").is_file():
        return True
    written = _json(folder / "tokenizer_config.json")
    return bool(written and written.get("chat_template"))


def _hub(model: str, config: Config) -> Told:
    """Whether it is in the hub's cache; the network is not asked."""
    if importlib.util.find_spec("huggingface_hub") is None:
        return "bad", "local: huggingface_hub missing: pip install 'frontdesk[local]'"
    from huggingface_hub import try_to_load_from_cache

    revision = config.engine.local.revision or None
    if isinstance(try_to_load_from_cache(model, "config.json", revision=revision), str):
        return "good", f"local: {model} is in the cache of the hub"
    return "note", f"local: {model} is not a folder here; the first start gets it from the Hugging Face hub"


def _json(file: Path) -> dict[str, Any] | None:
    try:
        read = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return read if isinstance(read, dict) else None
