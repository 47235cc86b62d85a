"""A Llama folder as a GGUF file of float16 weights, for OpenVINO: `python -m bench.engines.gguf FOLDER FILE`.

The names are those of the GGUF specification for `llama`. Its rotary embedding turns neighbouring pairs where
transformers turns halves, so the rows of the query and key projections are interleaved.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors import safe_open

_OUTER = {"model.embed_tokens": "token_embd", "lm_head": "output", "model.norm": "output_norm"}
_INNER = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
_HEADS = {"self_attn.q_proj": "num_attention_heads", "self_attn.k_proj": "num_key_value_heads"}


def _interleaved(weight: Any, heads: int) -> Any:
    halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, weight.shape[1])
    return halves.swapaxes(1, 2).reshape(weight.shape)


def _place(name: str, weight: Any, config: dict[str, Any]) -> tuple[str, Any]:
    stem = name.removesuffix(".weight")
    if stem in _OUTER:
        return _OUTER[stem], weight
    _, _, layer, part = stem.split(".", 3)
    if part in _HEADS:
        weight = _interleaved(weight, config[_HEADS[part]])
    return f"blk.{layer}.{_INNER[part]}", weight


def write(folder: Path, file: Path) -> None:
    """Write `folder`'s model and tokenizer to `file`."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    writer = gguf.GGUFWriter(str(file), "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(float((config.get("rope_parameters") or config)["rope_theta"]))
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    _add_tokenizer(writer, tokenizer, config["vocab_size"])
    with safe_open(folder / "model.safetensors", "np") as weights:
        for name in weights.keys():  # noqa: SIM118 - not a mapping
            place, weight = _place(name, weights.get_tensor(name), config)
            writer.add_tensor(f"{place}.weight", weight.astype(np.float32 if weight.ndim == 1 else np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: Any, tokenizer: dict[str, Any], vocabulary: int) -> None:
    texts = {ident: text for text, ident in tokenizer["model"]["vocab"].items()}
    texts |= {added["id"]: added["content"] for added in tokenizer["added_tokens"]}
    special = {added["id"] for added in tokenizer["added_tokens"] if added["special"]}
    normal, control = gguf.TokenType.NORMAL, gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([texts[ident] for ident in range(vocabulary)])
    writer.add_token_types([control if ident in special else normal for ident in range(vocabulary)])
    merges = tokenizer["model"]["merges"]
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
