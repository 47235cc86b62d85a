"""The names of languages, so that a prompt can say which one to write in."""

from __future__ import annotations

_ENGLISH = {
    **{"ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "da": "Danish"},
    **{"de": "German", "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian"},
    **{"fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian"},
    **{"id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian"},
    **{"ms": "Malay", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian"},
    **{"ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili"},
    **{"ta": "Tamil", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu"},
    **{"vi": "Vietnamese", "zh": "Chinese"},
}
_CHINESE = {
    **{"ar": "阿拉伯语", "bg": "保加利亚语", "cs": "捷克语", "da": "丹麦语", "de": "德语", "el": "希腊语"},
    **{"en": "英语", "es": "西班牙语", "fa": "波斯语", "fi": "芬兰语", "fr": "法语", "he": "希伯来语"},
    **{"hi": "印地语", "hu": "匈牙利语", "id": "印尼语", "it": "意大利语", "ja": "日语", "ko": "韩语"},
    **{"ms": "马来语", "nl": "荷兰语", "no": "挪威语", "pl": "波兰语", "pt": "葡萄牙语", "ro": "罗马尼亚语"},
    **{"ru": "俄语", "sv": "瑞典语", "th": "泰语", "tr": "土耳其语", "uk": "乌克兰语", "vi": "越南语"},
    **{"zh": "中文"},
}


def language_names() -> list[tuple[str, str]]:
    """(code, name) of every language that has a name here, in English and in Chinese."""
    return [*_ENGLISH.items(), *_CHINESE.items()]


def language_name(code: str, written_in: str = "en") -> str:
    """The name of language `code` as a text in `written_in` says it; the code itself when it is not known."""
    name = _CHINESE.get(code) if written_in == "zh" else None
    return name or _ENGLISH.get(code, code)
