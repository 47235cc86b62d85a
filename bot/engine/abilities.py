"""What a simple engine cannot do is refused by name, never ignored."""

from __future__ import annotations

from bot.engine.base import EngineRefused, SamplingSettings

_NEUTRAL = {
    "n": 1,
    "logit_bias": {},
    "logprobs": False,
    "top_logprobs": 0,
    "ignore_eos": False,
    "json_schema": "",
    "regex": "",
    "choice": (),
}


def refuse_unknown(sampling: SamplingSettings, engine: str) -> None:
    """Refuse what only the local engine knows. Raises `EngineRefused` with the name of the field."""
    for field, neutral in _NEUTRAL.items():
        if getattr(sampling, field) != neutral:
            raise EngineRefused(
                f'{engine} does not know `{field}`. Leave it out, or use engine.kind = "local".', field=field
            )
