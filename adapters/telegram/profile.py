"""What Telegram shows of the bot before anything is said: its commands, its menu, and what it can do. Pure.

https://core.telegram.org/bots/api#setmycommands, whose limits of length are kept here. Telegram takes the text for the
language of a person's app, and where there is none the one without a language, which is English.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Template
from typing import Any

from adapters.graphemes import may_cut
from adapters.split import utf16

FALLBACK = "en"
SCOPES = ("all_private_chats", "all_group_chats")
_ABOUT, _SHORT, _NAME = 512, 120, 64
"""Telegram's limits, in characters; here they are counted in UTF-16 units, which are never fewer."""
_NEED_A_MODEL = ("translate", "write")

_COMMANDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "ask": "Ask a question",
        "summarize": "The main points of a text, a file or this chat",
        "sentiment": "The tone of a text, a file or what you wrote here",
        "translate": "Translate: /translate to German: good morning",
        "write": "Write an e-mail, a product text or an article",
        "human": "Talk to a person",
        "language": "The language I answer in",
        "settings": "What is set for this chat",
        "forget": "Forget what was said here",
        "help": "What I can do",
    },
    "zh": {
        "ask": "向我提问",
        "summarize": "总结一段文字、一个文件或本次对话",
        "sentiment": "判断一段文字、一个文件或您在这里所写内容的语气",
        "translate": "翻译：/translate 翻译成德语：早上好",
        "write": "撰写邮件、商品文案或文章",
        "human": "转人工",
        "language": "我用哪种语言回答",
        "settings": "本聊天的设置",
        "forget": "忘记这里说过的内容",
        "help": "我能做什么",
    },
    "de": {
        "ask": "Eine Frage stellen",
        "summarize": "Das Wichtigste aus einem Text, einer Datei oder diesem Chat",
        "sentiment": "Der Ton eines Textes, einer Datei oder Ihrer Worte hier",
        "translate": "Übersetzen: /translate auf Englisch: Guten Morgen",
        "write": "Eine E-Mail, einen Produkttext oder einen Artikel schreiben",
        "human": "Mit einem Menschen sprechen",
        "language": "In welcher Sprache ich antworte",
        "settings": "Was für diesen Chat eingestellt ist",
        "forget": "Vergessen, was hier gesagt wurde",
        "help": "Was ich kann",
    },
    "es": {
        "ask": "Hacer una pregunta",
        "summarize": "Lo esencial de un texto, un archivo o este chat",
        "sentiment": "El tono de un texto, un archivo o lo que ha escrito aquí",
        "translate": "Traducir: /translate al alemán: buenos días",
        "write": "Escribir un correo, un texto de producto o un artículo",
        "human": "Hablar con una persona",
        "language": "El idioma en que respondo",
        "settings": "Los ajustes de este chat",
        "forget": "Olvidar lo que se dijo aquí",
        "help": "Lo que puedo hacer",
    },
    "ar": {
        "ask": "اطرح سؤالًا",
        "summarize": "أهم ما في نص أو ملف أو هذه المحادثة",
        "sentiment": "نبرة نص أو ملف أو ما كتبته هنا",
        "translate": "ترجمة: \u200e/translate إلى الألمانية: صباح الخير",
        "write": "كتابة بريد إلكتروني أو نص لمنتج أو مقال",
        "human": "التحدث إلى شخص",
        "language": "اللغة التي أجيب بها",
        "settings": "إعدادات هذه المحادثة",
        "forget": "نسيان ما قيل هنا",
        "help": "ما الذي أستطيع فعله",
    },
}

_TEXTS: Mapping[str, tuple[str, str]] = {
    "en": (
        "I am the automated assistant of $name: a program, not a person. Ask me in your own words. I answer from the "
        "information of $name and name my sources. For a person, send /human; for everything I can do, /help.",
        "The automated assistant of $name. Answers questions and names its sources.",
    ),
    "zh": (
        "我是$name的自动助手，是程序，不是真人。请直接提问，我会根据$name的资料回答，并注明来源。"
        "需要人工服务请发送 /human，想了解我能做什么请发送 /help。",
        "$name的自动助手，回答问题并注明来源。",
    ),
    "de": (
        "Ich bin der automatische Assistent von $name: ein Programm, kein Mensch. Fragen Sie mich, wie Sie möchten. "
        "Ich antworte aus den Informationen von $name und nenne meine Quellen. Zu einem Menschen kommen Sie mit "
        "/human, zu allem, was ich kann, mit /help.",
        "Der automatische Assistent von $name. Beantwortet Fragen und nennt seine Quellen.",
    ),
    "es": (
        "Soy el asistente automático de $name: un programa, no una persona. Pregúnteme con sus palabras. Respondo con "
        "la información de $name y cito mis fuentes. Para hablar con una persona, envíe /human; para ver todo lo que "
        "puedo hacer, /help.",
        "El asistente automático de $name. Responde preguntas y cita sus fuentes.",
    ),
    "ar": (
        "أنا المساعد الآلي لـ $name: برنامج ولست إنسانًا. اسألني بكلماتك. أجيب من معلومات $name وأذكر مصادري. "
        "للتحدث إلى شخص أرسل \u200e/human، ولمعرفة كل ما أستطيع فعله أرسل \u200e/help.",
        "المساعد الآلي لـ $name. يجيب عن الأسئلة ويذكر مصادره.",
    ),
}
"""What stands in an empty chat, and what stands on the bot's page."""

LANGUAGES = tuple(_COMMANDS)


def commands(language: str, *, group: bool, model: bool) -> list[dict[str, str]]:
    """The commands that are offered; all of them work wherever they are typed.

    In a private chat nobody needs a command to ask. Without a `model` there is nothing to translate or to write with.
    """
    left_out = (() if group else ("ask",)) + (() if model else _NEED_A_MODEL)
    shown = _COMMANDS[language]
    return [{"command": name, "description": shown[name]} for name in shown if name not in left_out]


def description(language: str, name: str, about: str = "") -> str:
    """What an empty chat says of the bot; `about`, the site's own sentence, stands first where it fits whole."""
    text = Template(_TEXTS[language][0]).substitute(name=_line(name, _NAME))
    own = _line(about, _ABOUT)
    return f"{own}\n\n{text}" if own and utf16(f"{own}\n\n{text}") <= _ABOUT else text


def short_description(language: str, name: str) -> str:
    """What stands on the bot's page, and beside a link to it."""
    text, room = Template(_TEXTS[language][1]), _SHORT - utf16(_TEXTS[language][1].replace("$name", ""))
    return text.substitute(name=_line(name, min(_NAME, room)))


def calls(name: str, about: str, *, spoken: str, model: bool) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Everything to ask of Telegram, as (method, arguments). `about` is written in the language `spoken`."""
    for language in LANGUAGES:
        of = {} if language == FALLBACK else {"language_code": language}
        own = about if language == spoken else ""
        for scope in SCOPES:
            shown = commands(language, group=scope == SCOPES[1], model=model)
            yield "setMyCommands", {"commands": shown, "scope": {"type": scope}, **of}
        yield "setMyDescription", {"description": description(language, name, own), **of}
        yield "setMyShortDescription", {"short_description": short_description(language, name), **of}
    yield "setChatMenuButton", {"menu_button": {"type": "commands"}}


def _line(text: str, limit: int) -> str:
    """On one line, within the limit, without half a character at its end."""
    plain = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    if utf16(plain) <= limit:
        return plain
    end = min(len(plain), limit)
    while end and (utf16(plain[:end]) > limit - 1 or not may_cut(plain, end)):
        end -= 1
    return plain[:end].rstrip() + "…"
