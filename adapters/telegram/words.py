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
        "thanks": "Thank you for telling me.",
        "stopped": "Stopped.",
        "not_yours": "Only the person who asked can stop this answer.",
        "too_long": (
            "I cannot take this: it is longer than $limit characters. Please write a shorter message, or "
            "send the text as a file."
        ),
        "joined": (
            "Hello! I answer here when you mention me (@$name), reply to what I said, or use a command such "
            "as /ask@$name. /help says what I can do."
        ),
        "joined_private": "Telegram shows me nothing else that is written in this group.",
        "joined_all": ("Telegram shows me everything that is written in this group, but I leave the rest alone."),
        "inline_private": "Ask me in private",
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
        "thanks": "谢谢您的反馈。",
        "stopped": "已停止。",
        "not_yours": "只有提问的人可以停止这个回答。",
        "too_long": "消息超过 $limit 个字符，我无法处理。请发送较短的消息，或以文件形式发送文本。",
        "joined": (
            "大家好！在这里，您可以提到我（@$name）、回复我的消息，或使用 /ask@$name 这样的命令，"
            "我就会回答。/help 会告诉您我能做什么。"
        ),
        "joined_private": "群里的其他消息，Telegram 不会给我看。",
        "joined_all": "Telegram 会给我看群里的所有消息，但其余的我不会理会。",
        "inline_private": "私下问我",
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
        "thanks": "Danke für die Rückmeldung.",
        "stopped": "Angehalten.",
        "not_yours": "Diese Antwort kann nur anhalten, wer gefragt hat.",
        "too_long": (
            "Das kann ich nicht annehmen: Es ist länger als $limit Zeichen. Bitte schreiben Sie kürzer, "
            "oder schicken Sie den Text als Datei."
        ),
        "joined": (
            "Hallo! Hier antworte ich, wenn Sie mich erwähnen (@$name), auf etwas von mir antworten oder "
            "einen Befehl wie /ask@$name benutzen. /help sagt, was ich kann."
        ),
        "joined_private": "Anderes, was in dieser Gruppe geschrieben wird, zeigt mir Telegram nicht.",
        "joined_all": (
            "Telegram zeigt mir alles, was in dieser Gruppe geschrieben wird; um das Übrige kümmere ich mich nicht."
        ),
        "inline_private": "Mich privat fragen",
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
        "thanks": "Gracias por decírmelo.",
        "stopped": "Detenido.",
        "not_yours": "Solo quien hizo la pregunta puede detener esta respuesta.",
        "too_long": (
            "No puedo aceptarlo: tiene más de $limit caracteres. Escriba un mensaje más corto o envíe el "
            "texto como archivo."
        ),
        "joined": (
            "¡Hola! Aquí respondo cuando me mencionan (@$name), responden a algo que dije o usan una orden "
            "como /ask@$name. /help dice lo que sé hacer."
        ),
        "joined_private": "Telegram no me muestra nada más de lo que se escribe en este grupo.",
        "joined_all": "Telegram me muestra todo lo que se escribe en este grupo, pero del resto no me ocupo.",
        "inline_private": "Preguntarme en privado",
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
        "thanks": "شكرًا على إخباري.",
        "stopped": "تم الإيقاف.",
        "not_yours": "لا يمكن إيقاف هذه الإجابة إلا لمن طرح السؤال.",
        "too_long": ("لا يمكنني قبول هذا: فهو أطول من $limit حرفًا. يُرجى كتابة رسالة أقصر أو إرسال النص كملف."),
        "joined": (
            "مرحبًا! أجيب هنا عندما تذكرونني (@$name)، أو تردّون على ما قلته، أو تستخدمون أمرًا مثل "
            "‎/ask@$name. ويوضح الأمر ‎/help ما يمكنني فعله."
        ),
        "joined_private": "لا يُظهر لي تيليغرام أي شيء آخر مما يُكتب في هذه المجموعة.",
        "joined_all": "يُظهر لي تيليغرام كل ما يُكتب في هذه المجموعة، لكنني لا أتدخل في غير ذلك.",
        "inline_private": "اسألني على انفراد",
    },
}


def said(key: str, language: str, **values: str) -> str:
    """The text `key` in `language`, or in English where there is none; `values` fill in its $names.

    Raises `KeyError` for a key that no language has, or a value that is missing: both are mistakes in the code.
    """
    text = _TEXTS.get(language, {}).get(key) or _TEXTS[FALLBACK][key]
    return Template(text).substitute(values)
