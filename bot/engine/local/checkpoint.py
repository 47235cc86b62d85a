"""Where a model's files are: a folder, or the Hugging Face hub and its cache; and whether they are whole and safe.

Only safetensors are taken, since other formats run code when they are read. Every fault is an `EngineFault` that says
what to do.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from bot.engine.base import EngineFault, EngineRefused
from bot.engine.local.settings import LocalSettings

Progress = Callable[[str, float], None]
"""Called with what is being done and how far it is, from 0 to 1."""

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
SMALL = (".json", ".jinja", ".txt", ".model", ".tiktoken")
"""Endings of what is read beside the weights: configuration, tokenizer, templates."""
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model's folder. Its weights may still be on the hub: `complete` gets them."""

    folder: Path
    name: str
    repository: str = ""
    commit: str = ""

    def config(self) -> dict[str, Any]:
        """`config.json` as it is written."""
        return _json(self.folder / "config.json", self.name)

    def shards(self) -> list[Path]:
        """The files that hold the weights, whether or not they are here yet."""
        if (self.folder / INDEX).is_file():
            places = _json(self.folder / INDEX, self.name).get("weight_map")
            if not isinstance(places, dict) or not places:
                raise EngineFault(f"{INDEX} of {self.name} names no files. Get the model again.")
            return [self.folder / str(shard) for shard in sorted(set(places.values()))]
        return [self.folder / SINGLE]

    def complete(self, progress: Progress) -> None:
        """Download what weights are missing."""
        if self.repository:
            _fetch(self.repository, self.commit, [shard.name for shard in self.shards()], progress)

    def numbers(self) -> int:
        """How many numbers the weights are, by the heads of their files, which shows whether those are whole."""
        return sum(_numbers(shard, self.name) for shard in self.shards())


def find(settings: LocalSettings, progress: Progress) -> Checkpoint:
    """The folder that `settings.model` names, or the small files of a repository of the hub."""
    folder = Path(settings.model).expanduser()
    if folder.is_dir():
        _check_names([path.name for path in folder.iterdir()], str(folder))
        return Checkpoint(folder, str(folder))
    if folder.is_file():
        raise EngineRefused(
            f"The model {settings.model} is a file. Name the folder it lies in, with its config.json.", field="model"
        )
    if settings.model.startswith((".", "/", "~")) or settings.model.count("/") != 1 or "\\" in settings.model:
        raise EngineRefused(
            f"There is no folder {settings.model!r}. Name a folder that holds config.json and model.safetensors, or a "
            'model of the Hugging Face hub, such as "Qwen/Qwen3-0.6B".',
            field="model",
        )
    return _on_hub(settings.model, settings.revision, progress)


def _on_hub(repository: str, revision: str, progress: Progress) -> Checkpoint:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import OfflineModeIsEnabled

    progress("asking the hub", 0.0)
    try:
        info = HfApi().model_info(repository, revision=revision or None, timeout=15)
    except Exception as fault:
        refusal = _hub_refusal(fault, repository, revision)
        if refusal is not None:
            raise refusal from None
        return _cached(repository, revision, fault, offline=isinstance(fault, OfflineModeIsEnabled))
    names = [sibling.rfilename for sibling in info.siblings or () if "/" not in sibling.rfilename]
    _check_names(names, repository)
    commit = info.sha or revision
    folder = _fetch(repository, commit, [name for name in names if name.endswith(SMALL)], progress)
    return Checkpoint(folder, repository, repository, commit)


def _hub_refusal(fault: Exception, repository: str, revision: str) -> EngineRefused | None:
    """What the hub said about the repository; None where it could not be asked."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(fault, GatedRepoError):
        return EngineRefused(
            f"The model {repository} is given out on request. Ask for it on its page at huggingface.co, then set "
            "HF_TOKEN to a token of your account.",
            field="model",
        )
    if isinstance(fault, RevisionNotFoundError):
        return EngineRefused(f"The model {repository} has no revision {revision!r}.", field="revision")
    if isinstance(fault, RepositoryNotFoundError | HFValidationError):
        return EngineRefused(
            f"There is no folder and no model on the hub called {repository!r}, or it is private: then set HF_TOKEN.",
            field="model",
        )
    return None


def _cached(repository: str, revision: str, fault: Exception, *, offline: bool) -> Checkpoint:
    """What an earlier run has downloaded, where the hub cannot be asked."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(repository, revision=revision or None, local_files_only=True))
        _check_names([path.name for path in folder.iterdir()], repository)
    except (LocalEntryNotFoundError, OSError):
        why = "HF_HUB_OFFLINE is set" if offline else f"the hub could not be reached ({type(fault).__name__})"
        raise EngineFault(
            f"The model {repository} is not on this machine, and {why}. Check the network, or download the model "
            "elsewhere and name its folder."
        ) from None
    return Checkpoint(folder, repository)


def _fetch(repository: str, commit: str, names: Sequence[str], progress: Progress) -> Path:
    """Files of a repository in the hub's cache; those that are there are not downloaded again."""
    from huggingface_hub import snapshot_download

    from bot.engine.local.quiet import reporting_bar

    try:
        folder = snapshot_download(
            repository, revision=commit, allow_patterns=list(names), tqdm_class=reporting_bar(progress, "downloading")
        )
    except Exception as fault:
        raise _hub_refusal(fault, repository, commit) or EngineFault(
            f"Downloading {repository} failed ({brief(fault)}). Start again: what is here already is kept."
        ) from None
    return Path(folder)


def _check_names(names: Sequence[str], name: str) -> None:
    """There is a configuration, and there are weights that can be read without running code."""
    if "config.json" not in names:
        raise EngineRefused(f"{name} holds no config.json, so it is not a model of transformers.", field="model")
    if SINGLE in names or INDEX in names:
        return
    if any(file.endswith(PICKLES) for file in names):
        raise EngineRefused(
            f"{name} has its weights only in a format that can run code when it is read (pickle: *.bin, *.pt). This "
            f"engine reads safetensors alone: take a model that has {SINGLE}, or convert it on a machine that you "
            "can afford to lose, with save_pretrained.",
            field="model",
        )
    other = "GGUF files, which are made for llama.cpp" if any(file.endswith(".gguf") for file in names) else "none"
    raise EngineRefused(
        f"{name} needs weights called {SINGLE} (or several with {INDEX}); it has {other}.", field="model"
    )


def _numbers(shard: Path, name: str) -> int:
    if not shard.is_file():
        raise EngineFault(f"{name} is not whole: {shard.name} is missing. Get the model again.")
    try:
        with safe_open(shard, framework="numpy") as tensors:
            return sum(math.prod(tensors.get_slice(key).get_shape()) for key in tensors.keys())  # noqa: SIM118 no dict
    except (SafetensorError, OSError) as fault:
        raise EngineFault(
            f"{shard.name} of {name} is damaged or cut short ({fault}). Delete it and get it again."
        ) from None


def brief(fault: BaseException) -> str:
    """An error in one line: its kind and the first line of its text."""
    text = str(fault).strip().partition("\n")[0][:200]
    return f"{type(fault).__name__}: {text}" if text else type(fault).__name__


def _json(path: Path, name: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise EngineFault(f"{path.name} of {name} cannot be read ({fault}). Get the model again.") from None
    if not isinstance(content, dict):
        raise EngineFault(f"{path.name} of {name} is not what it should be: a JSON object. Get the model again.")
    return content
