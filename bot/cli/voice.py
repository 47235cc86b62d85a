"""What `frontdesk doctor` can tell of a speech model without loading it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from adapters.base import Finding
from bot.config import Config
from bot.errors import ConfigError

_SUBJECT = "voice"
_NEEDED = ("config.json", "preprocessor_config.json", "tokenizer_config.json")


def examine_voice(config: Config) -> list[Finding]:
    """What hears and sees, and whether it can."""
    from bot.voice import missing, senses_of

    lacking = missing() if config.voice.model else []
    if lacking:
        text = f"voice.model needs {', '.join(lacking)}: pip install 'frontdesk[voice]'"
        return [Finding("bad", _SUBJECT, text)]
    try:
        senses = senses_of(config)
    except ConfigError as error:
        return [Finding("bad", _SUBJECT, str(error))]
    found = [_model(config)] if config.voice.model else []
    if config.senses:
        can = [word for word, sense in (("hears", senses.hearing), ("sees", senses.seeing)) if sense]
        found.append(Finding("good", _SUBJECT, f"{', '.join(config.senses)}: {' and '.join(can)}"))
    return found or [Finding("good", _SUBJECT, "off; people who send recordings are asked to write")]


def _model(config: Config) -> Finding:
    from bot.local import model_place

    model = model_place(config.voice.model, config.root)
    if Path(model).is_dir():
        return _folder(Path(model))
    if model.count("/") != 1 or model.startswith((".", "/", "~")):
        text = f"there is no model folder {model}: set voice.model to a folder or to an id of the hub."
        return Finding("bad", _SUBJECT, text)
    from huggingface_hub import try_to_load_from_cache

    if isinstance(try_to_load_from_cache(model, "config.json"), str):
        return Finding("good", _SUBJECT, f"{model} is in the cache of the hub")
    text = f"{model} is not a folder here; the first start gets it from the Hugging Face hub"
    return Finding("note", _SUBJECT, text)


def _folder(folder: Path) -> Finding:
    lacking = [name for name in _NEEDED if not (folder / name).is_file()]
    if not any(folder.glob("*.safetensors")):
        lacking.append("model.safetensors")
    if lacking:
        return Finding("bad", _SUBJECT, f"{folder} lacks {', '.join(lacking)}: get the model again.")
    kind = _read(folder / "config.json").get("model_type")
    if kind != "whisper":
        text = (
            f"{folder} holds a {kind or 'strange'} model: take one of the Whisper family, such as openai/whisper-small."
        )
        return Finding("bad", _SUBJECT, text)
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors")) / 1e9
    return Finding("good", _SUBJECT, f"whisper in {folder}, {size:.1f} GB of weights")


def _read(file: Path) -> dict[str, Any]:
    try:
        read = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}
