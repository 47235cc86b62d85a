"""A whole step of a Llama-shaped model in one call of the library."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import Tensor, nn

from bot.engine.local.batch import Batch, Kernels, KvCache
from bot.engine.local.loaded import Loaded
from bot.engine.local.native.kernels import NativeKernels
from bot.engine.local.native.library import LayerCall, Library, ModelCall, StepCall
from bot.engine.local.native.shapes import Unknown, recognise, rotary_tables
from bot.engine.local.native.weights import Arena, Dense, Packed, joined, pack, size_of, woven
from bot.engine.local.settings import LocalSettings

logger = logging.getLogger(__name__)

_WRONG = ("", "token", "position", "slot of the cache", "block")


class NativeForward:
    """`Forward` of batch.py. The logits that it returns are overwritten by the next call."""

    def __init__(self, library: Library, dtype: torch.dtype, call: ModelCall, keep: object) -> None:
        self._run = library.forward[dtype]
        self._call = call
        self._keep = keep
        self._logits = torch.empty(0, call.vocabulary)

    def __call__(self, batch: Batch) -> Tensor:
        """[R, vocabulary] logits of `batch.rows` in float32.

        Raises `ValueError` for a batch that points outside of the vocabulary, the context or the cache.
        """
        sampled = batch.rows.shape[0]
        if sampled > self._logits.shape[0]:
            self._logits = torch.empty(sampled, self._call.vocabulary)
        tables = batch.tables
        step = StepCall(
            tokens=batch.tokens.data_ptr(),
            positions=batch.positions.data_ptr(),
            write_at=batch.write_at.data_ptr(),
            starts=batch.starts.data_ptr(),
            lengths=batch.lengths.data_ptr(),
            tables=tables.data_ptr(),
            rows=batch.rows.data_ptr(),
            logits=self._logits.data_ptr(),
            count=batch.tokens.shape[0],
            sequences=batch.lengths.shape[0],
            sampled=sampled,
            table_stride=tables.stride(0),
            threads=torch.get_num_threads(),
        )
        wrong = self._run(self._call, step)
        if wrong:
            raise ValueError(f"The step names a {_WRONG[wrong]} that the model does not have.")
        return self._logits[:sampled]


def native_forward(
    loaded: Loaded, cache: KvCache, kernels: Kernels, settings: LocalSettings, *, release: bool = True
) -> NativeForward | None:
    """The model's step in C++, for Llama, Qwen2, Qwen3 and Mistral; None for others, and where `kernels` are not ours.

    Weights are packed once. With `release` the model gives up the originals (they become tensors on the "meta"
    device) as soon as each is packed, except those that the step itself reads or that another module shares: the
    transformers model cannot be run any more. `settings.quantization` "int8" packs whole numbers with a scale for
    each result; the embedding stays as it is.
    """
    if not isinstance(kernels, NativeKernels) or not kernels.fits(cache) or settings.quantization == "fp8":
        return None
    try:
        recognise(loaded)
        with torch.inference_mode():
            return _Builder(
                loaded, cache, kernels.library, int8=settings.quantization == "int8", release=release
            ).build()
    except Unknown as reason:
        logger.info("%s runs through transformers: the native forward does not know %s.", loaded.name, reason)
        return None


class _Builder:
    def __init__(self, loaded: Loaded, cache: KvCache, library: Library, *, int8: bool, release: bool) -> None:
        self._loaded, self._cache, self._library = loaded, cache, library
        self._int8, self._release = int8, release
        self._model: Any = loaded.model
        self._kept: list[object] = [cache]
        self._shared = _shared(self._model)

    def build(self) -> NativeForward:
        model, loaded, first = self._model, self._loaded, self._loaded.layers[0]
        tables = rotary_tables(model, loaded.context_tokens, first.key_dim)
        self._arena = Arena(self._size(), self._library)
        for tensor in (*self._cache.keys, *self._cache.values):
            self._library.advise(tensor.data_ptr(), tensor.nbytes)
        layers = (LayerCall * len(model.model.layers))()
        for number, layer in enumerate(model.model.layers):
            layers[number] = self._layer(number, layer)
        embedding = model.model.embed_tokens.weight.detach().contiguous()
        self._kept += [layers, embedding, *tables]
        head = self._pack(joined([model.lm_head]), model.lm_head)
        call = ModelCall(
            layers=layers,
            embedding=embedding.data_ptr(),
            final_norm=self._norm(model.model.norm),
            cosines=tables[0].data_ptr(),
            sines=tables[1].data_ptr(),
            head=head,
            positions=loaded.context_tokens,
            blocks=self._cache.blocks,
            depth=len(layers),
            hidden=embedding.shape[1],
            heads=first.heads,
            kv_heads=first.kv_heads,
            head_dim=first.key_dim,
            intermediate=model.model.layers[0].mlp.down_proj.in_features,
            vocabulary=model.lm_head.out_features,
            block_tokens=self._cache.block_tokens,
            epsilon=model.model.norm.variance_epsilon,
        )
        return NativeForward(self._library, loaded.dtype, call, self._kept)

    def _size(self) -> int:
        """Bytes of all packed layers, with room for joining and filling up."""
        linears = [module for module in self._model.modules() if isinstance(module, nn.Linear)]
        return sum(
            size_of(one.out_features + 64, one.in_features, self._loaded.dtype, int8=self._int8) for one in linears
        )

    def _layer(self, number: int, layer: Any) -> LayerCall:
        attention, product, asked = layer.self_attn, layer.mlp, self._loaded.layers[number]
        heads = (attention.q_proj, attention.k_proj, attention.v_proj)
        return LayerCall(
            query_key_value=self._pack(joined(heads), *heads),
            output=self._pack(joined([attention.o_proj]), attention.o_proj),
            gate_up=self._pack(woven(product.gate_proj, product.up_proj), product.gate_proj, product.up_proj),
            down=self._pack(joined([product.down_proj]), product.down_proj),
            attention_norm=self._norm(layer.input_layernorm),
            product_norm=self._norm(layer.post_attention_layernorm),
            query_norm=self._norm(getattr(attention, "q_norm", None)),
            key_norm=self._norm(getattr(attention, "k_norm", None)),
            keys=self._cache.keys[number].data_ptr(),
            values=self._cache.values[number].data_ptr(),
            scale=asked.scale,
            window=asked.window,
        )

    def _pack(self, dense: Dense, *originals: nn.Linear) -> Any:
        packed: Packed = pack(dense, self._loaded.dtype, self._arena, int8=self._int8)
        self._kept.append(packed)
        for linear in originals:
            if self._release and id(linear.weight) not in self._shared:
                linear.weight = nn.Parameter(linear.weight.detach().to("meta"), requires_grad=False)
        return packed.call

    def _norm(self, norm: Any) -> int | None:
        if norm is None:
            return None
        weight = norm.weight.detach().float().contiguous().clone()
        self._kept.append(weight)
        return int(weight.data_ptr())


def _shared(model: nn.Module) -> set[int]:
    """Parameters that are named more than once (a head tied to the embedding): somebody still reads them."""
    seen: set[int] = set()
    twice: set[int] = set()
    for _, parameter in model.named_parameters(remove_duplicate=False):
        (twice if id(parameter) in seen else seen).add(id(parameter))
    return twice
