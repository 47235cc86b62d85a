"""What the bot says by itself in Telegram, below and around answers, in the languages that it is spoken to in. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

FALLBACK = "en"

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "stop": "Stop",
        "human": "Talk to a person",
        "sources": "Sources:",
        "case": "$name would like to talk to a person",
        "state": "State",
        "waiting": "Waiting",
        "taken": "$agent has it",
        "resolved": "Resolved",
        "returned": "Given back to the assistant",
        "where": "Channel",
        "language": "Language",
        "take": "Take over",
        "resolve": "Resolve",
        "return": "Give back",
    },
    "zh": {
        "stop": "停止",
        "human": "转人工",
        "sources": "来源：",
        "case": "$name 希望与人工客服交谈",
        "state": "状态",
        "waiting": "等待中",
        "taken": "由 $agent 处理",
        "resolved": "已解决",
        "returned": "已交还给助手",
        "where": "渠道",
        "language": "语言",
        "take": "接管",
        "resolve": "标记为已解决",
        "return": "交还给助手",
    },
    "de": {
        "stop": "Anhalten",
        "human": "Mit einem Menschen sprechen",
        "sources": "Quellen:",
        "case": "$name möchte mit einem Menschen sprechen",
        "state": "Stand",
        "waiting": "Wartet",
        "taken": "Bei $agent",
        "resolved": "Erledigt",
        "returned": "Zurück beim Assistenten",
        "where": "Kanal",
        "language": "Sprache",
        "take": "Übernehmen",
        "resolve": "Erledigt",
        "return": "Zurückgeben",
    },
    "es": {
        "stop": "Detener",
        "human": "Hablar con una persona",
        "sources": "Fuentes:",
        "case": "$name quiere hablar con una persona",
        "state": "Estado",
        "waiting": "En espera",
        "taken": "Lo atiende $agent",
        "resolved": "Resuelto",
        "returned": "Devuelto al asistente",
        "where": "Canal",
        "language": "Idioma",
        "take": "Atender",
        "resolve": "Resolver",
        "return": "Devolver",
    },
    "ar": {
        "stop": "إيقاف",
        "human": "التحدث إلى شخص",
        "sources": "المصادر:",
        "case": "$name يود التحدث إلى شخص",
        "state": "الحالة",
        "waiting": "في الانتظار",
        "taken": "لدى $agent",
        "resolved": "تم الحل",
        "returned": "أُعيدت إلى المساعد",
        "where": "القناة",
        "language": "اللغة",
        "take": "تولّي المحادثة",
        "resolve": "تم الحل",
        "return": "إعادة إلى المساعد",
    },
}


def said(key: str, language: str, **values: str) -> str:
    """The text `key` in `language`, or in English where there is none; `values` fill in its $names.

    Raises `KeyError` for a key that no language has, or a value that is missing: both are mistakes in the code.
    """
    text = _TEXTS.get(language, {}).get(key) or _TEXTS[FALLBACK][key]
    return Template(text).substitute(values)
