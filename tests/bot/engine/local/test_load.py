"""Loading a model: from a folder and from the hub, and a sentence that says what to do where that cannot be."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.utils import logging as transformers_logging

from bot.engine.base import EngineFault, EngineRefused
from bot.engine.local import device as machine
from bot.engine.local import load as loading
from bot.engine.local.load import Loaded, load, loaded_from
from bot.engine.local.settings import LocalSettings
from tests.bot.engine.local.families import CONTEXT, EOS, FAMILIES, TURN_END, VOCABULARY, folder, tokenizer
from tests.bot.engine.local.hub import hub, point_to


def settings(model: Path | str, **others: Any) -> LocalSettings:
    return LocalSettings(**({"model": str(model), "device": "cpu", "dtype": "float32", "threads": 1} | others))


def silent(_what: str, _fraction: float) -> None: ...


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder("llama", tmp_path_factory.mktemp("whole") / "llama")


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A folder that a test may spoil."""
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def rewrite(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def fault(model: Path | str, **others: Any) -> str:
    """What is said about a model that cannot be loaded."""
    with pytest.raises(EngineFault) as caught:
        load(settings(model, **others), silent)
    assert caught.value.__cause__ is None or isinstance(caught.value, EngineRefused)
    return str(caught.value)


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt2"])
def test_a_folder_is_loaded(family: str, tmp_path: Path) -> None:
    """What is known of a loaded model is what its files say, and its numbers are those of the files."""
    loaded = load(settings(folder(family, tmp_path / family)), silent)
    assert (loaded.context_tokens, loaded.vocabulary) == (CONTEXT, VOCABULARY)
    assert loaded.end_tokens == {EOS, TURN_END}
    assert (loaded.device.type, loaded.dtype) == ("cpu", torch.float32)
    assert len(loaded.layers) == FAMILIES[family]().config.num_hidden_layers
    again = FAMILIES[family]().state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in loaded.model.state_dict().items())
    assert not loaded.model.training


def test_what_attention_asks_for_is_seen(tmp_path: Path) -> None:
    """Windows, soft caps and scales of each layer are those of real calls."""
    layers = load(settings(folder("gemma2", tmp_path)), silent).layers
    assert [layer.window for layer in layers] == [16, 0, 16, 0]
    assert {layer.softcap for layer in layers} == {5.0}
    assert {round(layer.scale, 6) for layer in layers} == {round(24**-0.5, 6)}
    assert {(layer.heads, layer.kv_heads, layer.key_dim, layer.value_dim) for layer in layers} == {(4, 2, 32, 32)}


def test_shards_are_put_together(copy: Path) -> None:
    """Weights in several files are as good as in one, and one that is missing is named."""
    tensors = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    places = {}
    for number, name in enumerate(sorted(tensors)):
        places[name] = f"model-{number % 2}.safetensors"
    for shard in set(places.values()):
        part = {name: tensor for name, tensor in tensors.items() if places[name] == shard}
        save_file(part, copy / shard, metadata={"format": "pt"})
    (copy / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    loaded = load(settings(copy), silent)
    assert all(torch.equal(tensors[name], tensor) for name, tensor in loaded.model.state_dict().items())
    (copy / "model-1.safetensors").unlink()
    assert "model-1.safetensors is missing" in fault(copy)


def test_loading_is_told_and_nothing_is_written(
    whole: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Progress goes from the configuration to the end; the terminal stays clean, and transformers as it was set."""
    monkeypatch.setattr(transformers_logging, "_tqdm_active", True)
    told: list[tuple[str, float]] = []
    level = transformers_logging.get_verbosity()
    load(settings(whole), lambda what, fraction: told.append((what, fraction)))
    assert told[0][0] == "reading the configuration"
    assert told[-1] == ("checking the model", 1.0)
    assert all(0.0 <= fraction <= 1.0 for _, fraction in told)
    assert capfd.readouterr() == ("", "")
    assert transformers_logging.is_progress_bar_enabled()
    assert transformers_logging.get_verbosity() == level


def test_context_is_the_models_or_less(whole: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Settings shorten a context and never lengthen it, which is said."""
    assert load(settings(whole, context_tokens=100), silent).context_tokens == 100
    assert load(settings(whole, context_tokens=CONTEXT + 1), silent).context_tokens == CONTEXT
    assert f"the model goes to {CONTEXT} tokens" in caplog.text


def test_positions_that_stretch_are_kept_short(copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where frequencies depend on the longest of a batch, others must not change an answer: the context is capped."""
    short = [1.0] * 8
    longrope = {"rope_type": "longrope", "short_factor": short, "long_factor": [4.0] * 8, "rope_theta": 10_000.0}
    rewrite(copy, rope_scaling=None, rope_parameters=longrope | {"original_max_position_embeddings": 128})
    if not hasattr(CONFIG_MAPPING["llama"](), "rope_parameters"):
        rewrite(copy, rope_parameters=None, rope_scaling=longrope, original_max_position_embeddings=128)
    assert load(settings(copy), silent).context_tokens == 128
    assert "kept to the 128 tokens" in caplog.text


def test_dtype_follows_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU computes in bfloat16 where it has instructions for that, else in float32; what is set is taken."""
    cpu = torch.device("cpu")
    abilities = {"avx2 avx512_bf16": torch.bfloat16, "amx_bf16": torch.bfloat16, "avx2": torch.float32}
    for flags, expected in abilities.items():
        monkeypatch.setattr(machine, "_read", lambda _path, flags=flags: f"processor : 0\nflags : fpu {flags}\n")
        assert machine.dtype_of(LocalSettings(model="", dtype="auto"), cpu, None) == expected
        assert machine.dtype_of(LocalSettings(model="", dtype="float16"), cpu, None) == torch.float16


def test_cores_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads of one core are one; a container's share of time and the process's own processors count."""
    stanza = "processor : {n}\nphysical id : 0\ncore id : {core}\n"
    files = {"/proc/cpuinfo": "\n".join(stanza.format(n=n, core=n // 2) for n in range(8))}
    monkeypatch.setattr(machine, "_read", lambda path: files.get(str(path), ""))
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _pid: set(range(8)), raising=False)
    assert machine.physical_cores() == 4
    files["/sys/fs/cgroup/cpu.max"] = "200000 100000\n"
    assert machine.physical_cores() == 2
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _pid: {0, 1}, raising=False)
    assert machine.physical_cores() == 1


def test_memory_is_the_containers_when_that_is_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """What can still be taken is bounded by the machine and by the control group, file pages not counted as used."""
    files = {"/proc/meminfo": "MemTotal: 9000 kB\nMemAvailable: 4000 kB\n"}
    monkeypatch.setattr(machine, "_read", lambda path: files.get(str(path), ""))
    assert machine.available_memory() == 4000 * 1024
    group = "/sys/fs/cgroup/memory"
    files |= {f"{group}.max": "3000000\n", f"{group}.current": "2500000\n", f"{group}.stat": "inactive_file 400000\n"}
    assert machine.available_memory() == 900_000


def test_a_cuda_device_that_is_not_there(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that is asked for and missing is said before anything is loaded."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "torch sees no GPU" in fault(whole, device="cuda")


def test_a_model_larger_than_the_memory(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said with its numbers, before the system ends the process for it."""
    monkeypatch.setattr(loading, "available_memory", lambda: 1000)
    assert "does not fit into the memory of this machine" in fault(whole)


def test_folders_that_are_not_there() -> None:
    """What looks like a path is not looked for on the hub."""
    for name in ("/no/such/folder", "./nothing", "~/nothing at all", "a/b/c", "nothing"):
        assert "There is no folder" in fault(name)


def test_a_file_is_not_a_folder(whole: Path) -> None:
    assert "Name the folder it lies in" in fault(whole / "config.json")


def test_only_safetensors_are_read(copy: Path) -> None:
    """Pickles are never opened, however alone they are."""
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    assert "can run code when it is read" in fault(copy)
    (copy / "pytorch_model.bin").rename(copy / "model.gguf")
    assert "llama.cpp" in fault(copy)
    (copy / "model.gguf").unlink()
    assert "needs weights called model.safetensors" in fault(copy)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: _cut(folder / "model.safetensors"), "model.safetensors of .* is damaged or cut short"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\x08garbage"), "is damaged or cut short"),
        (lambda folder: (folder / "config.json").unlink(), "holds no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json of .* cannot be read"),
        (lambda folder: (folder / "config.json").write_text("[]"), "not what it should be: a JSON object"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "The tokenizer of .* cannot be read"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "The tokenizer of .* cannot be read"),
        (lambda folder: rewrite(folder, num_hidden_layers=3), "lack|do not have"),
        (lambda folder: rewrite(folder, hidden_size=128), "not in the right shape"),
        (lambda folder: rewrite(folder, hidden_size="wide"), "cannot be used|cannot be loaded"),
        (lambda folder: rewrite(folder, model_type="of tomorrow"), "upgrade"),
        (lambda folder: rewrite(folder, model_type="strange", auto_map={"AutoConfig": "a.B"}), "trust_remote_code"),
        (lambda folder: rewrite(folder, is_encoder_decoder=True), "an encoder-decoder model"),
        (lambda folder: rewrite(folder, model_type="t5", architectures=["T5ForConditionalGeneration"]), "is a T5"),
        (lambda folder: rewrite(folder, architectures=["LlamaForSequenceClassification"]), "is a LlamaForSequenceCl"),
        (lambda folder: rewrite(folder, vision_config={}), "images or sound"),
        (lambda folder: rewrite(folder, model_type="bert", architectures=None), "cannot be|is a bert|do not have"),
    ],
)
def test_a_spoiled_folder_is_explained(copy: Path, spoil: Callable[[Path], object], said: str) -> None:
    """Whatever is wrong with the files, one sentence says it, and no other error comes out."""
    spoil(copy)
    with pytest.raises(EngineFault, match=said):
        load(settings(copy), silent)


def test_numbers_that_are_none(copy: Path) -> None:
    """A model that computes NaN is refused at the start."""
    tensors = load_file(copy / "model.safetensors")
    tensors["model.norm.weight"][:] = torch.nan
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    assert "computes no numbers in float32" in fault(copy)


SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.3,
}


def taken(kind: str, **special: Any) -> Loaded:
    torch.manual_seed(0)
    config = CONFIG_MAPPING[kind](**(SMALL | special))
    model = AutoModelForCausalLM.from_config(config).eval()
    return loaded_from(model, tokenizer(), settings("x"))


@pytest.mark.parametrize(
    ("kind", "special"),
    [
        ("bloom", {}),
        ("mpt", {}),
        ("mamba", {}),
        ("gptj", {"rotary_dim": 8}),
        ("xglm", {}),
        ("llama4_text", {"head_dim": 16}),
        ("diffllama", {}),
    ],
)
def test_models_that_remember_in_another_way_are_refused(kind: str, special: dict[str, Any]) -> None:
    """State-space models, biases by distance, attention of their own: refused at the start, in a sentence."""
    with pytest.raises(EngineRefused, match="cannot be run by this engine") as caught:
        taken(kind, **special)
    assert caught.value.field == "model"


@pytest.mark.parametrize(
    ("kind", "special"),
    [
        ("gpt_oss", {"head_dim": 16, "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8}),
        ("gpt_neox", {}),
        ("cohere2", {}),
        ("starcoder2", {}),
        (
            "deepseek_v3",
            {
                "num_key_value_heads": 4,
                "n_routed_experts": 4,
                "n_group": 1,
                "topk_group": 1,
                "num_experts_per_tok": 2,
                "q_lora_rank": 16,
                "kv_lora_rank": 16,
                "qk_rope_head_dim": 8,
                "qk_nope_head_dim": 8,
                "v_head_dim": 12,
            },
        ),
    ],
)
def test_families_beyond_those_that_are_promised(kind: str, special: dict[str, Any]) -> None:
    """Sinks, latent attention and parallel blocks agree with transformers' own attention, or they would be refused."""
    assert len(taken(kind, **special).layers) == 2


def test_a_model_whose_results_differ_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look at a model compares numbers: something unseen in its attention is found by what comes out."""
    from transformers.models.llama import modeling_llama

    plain = modeling_llama.eager_attention_forward

    def biased(module: Any, query: Any, key: Any, value: Any, mask: Any, **kwargs: Any) -> Any:
        distance = torch.arange(key.shape[2]) - torch.arange(key.shape[2])[:, None]
        return plain(module, query, key, value, mask + distance * 0.5, **kwargs)

    monkeypatch.setattr(modeling_llama, "eager_attention_forward", biased)
    with pytest.raises(EngineRefused, match="gives other results"):
        loaded_from(FAMILIES["llama"](), tokenizer(), settings("x"))


def test_padding_of_the_embedding_is_no_token() -> None:
    """Logits beyond the tokenizer's last id belong to nothing."""
    assert loaded_from(FAMILIES["llama"](), tokenizer(300), settings("x")).vocabulary == 300


def test_the_hub_is_asked_once(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository is downloaded with progress, kept, and used without the hub; pickles beside it are left there."""
    told: list[str] = []
    (served := Path(shutil.copytree(whole, tmp_path / "served"))).joinpath("pytorch_model.bin").write_bytes(b"no")
    with hub(monkeypatch, tmp_path / "cache") as ours:
        ours.repositories["frontdesk/tiny"] = served
        load(settings("frontdesk/tiny"), lambda what, _fraction: told.append(what))
        assert {"config.json", "tokenizer.json", "model.safetensors"} <= set(ours.asked)
        assert "pytorch_model.bin" not in ours.asked
        asked = len(ours.asked)
        load(settings("frontdesk/tiny"), silent)
        assert len(ours.asked) == asked
    assert "downloading" in told
    assert load(settings("frontdesk/tiny"), silent).name == "frontdesk/tiny"


def test_what_the_hub_does_not_give(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown, closed and unsafe repositories are told apart; nothing large is read from what is refused."""
    pickled = Path(shutil.copytree(whole, tmp_path / "pickled"))
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    speech = Path(shutil.copytree(whole, tmp_path / "speech"))
    rewrite(speech, audio_config={})
    with hub(monkeypatch, tmp_path / "cache") as ours:
        ours.repositories |= {"a/closed": whole, "a/pickled": pickled, "a/tiny": whole, "a/speech": speech}
        ours.gated.add("a/closed")
        assert "no model on the hub called 'a/nothing'" in fault("a/nothing")
        assert "has no revision 'v9'" in fault("a/tiny", revision="v9")
        assert "given out on request" in fault("a/closed")
        assert "can run code" in fault("a/pickled")
        assert "images or sound" in fault("a/speech")
        assert "model.safetensors" not in ours.asked


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the hub cannot be reached and nothing was downloaded, that is what is said."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        point_to(monkeypatch, f"http://127.0.0.1:{unused.getsockname()[1]}", tmp_path)
        assert "could not be reached" in fault("frontdesk/tiny")
