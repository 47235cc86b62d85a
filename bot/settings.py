"""What the people of a conversation say of the conversation itself: its language, what is set, and to forget it."""

from __future__ import annotations

import re

from bot.commands import written
from bot.config import Config
from bot.draft import Draft
from bot.events import Address, Command
from bot.language import normal_code
from bot.phrases import language_name, phrase_languages, said
from bot.preferences import LANGUAGE
from bot.question import Question
from bot.target import known_languages, target
from storage.base import Store, conversation_scope

SETTINGS: frozenset[Command] = frozenset({"language", "forget", "settings"})
"""The commands that are done here."""

_AUTOMATIC = frozenset({"auto", "automatic", "automatisch", "automático", "automatica", "自动", "自動", "تلقائي"})
_NAMED = 14
"""So many languages are named to somebody who asked for one that is not known."""
_SPOKEN_CHARACTERS = 40
_COUNTED = 1_000


class Settings:
    """Does what a message's command asks. `models` says that a model writes: it knows more languages than the house."""

    def __init__(self, config: Config, store: Store, *, models: bool) -> None:
        self._config, self._store = config, store
        self._languages = (phrase_languages() | known_languages()) if models else phrase_languages()

    async def run(self, question: Question, draft: Draft) -> None:
        language, address = question.language, draft.message.address
        if draft.message.command == "language":
            text = await self._language(question, draft)
        elif draft.message.command == "forget":
            text = await self._forget(language, draft)
        else:
            text = await self._shown(language, address)
        await draft.remark(text, pause=self._config.engine.quote.delay_ms / 1000)

    # -- the language --------------------------------------------------------------------------------
    async def _language(self, question: Question, draft: Draft) -> str:
        language, address = question.language, draft.message.address
        wanted = question.text.strip(" \t\n.!?。！？؟")
        if self._config.language.fixed or not wanted:
            parts = [*await self._spoken(language, address), self._known(language)]
            return "\n\n".join(parts[:1] if self._config.language.fixed else parts)
        if wanted.casefold() in _AUTOMATIC:
            await self._store.prefer(address, {LANGUAGE: None})
            return said("language_auto", language)
        code = _code(wanted)
        if code not in self._languages:
            named = " ".join(re.sub(r"[^\w\s'-]", " ", wanted).split())[:_SPOKEN_CHARACTERS]
            return f"{said('unknown_language', language, spoken=named)}\n\n{self._known(language)}"
        await self._store.prefer(address, {LANGUAGE: code})
        draft.language = code
        auto = written("language", address.channel, "auto")
        return said("language_set", code, spoken=language_name(code, code), auto=auto)

    async def _spoken(self, language: str, address: Address) -> list[str]:
        """Which language it is, why, and how to change that."""
        spoken = language_name(language, language)
        if self._config.language.fixed:
            return [said("language_fixed", language, spoken=spoken)]
        chosen = LANGUAGE in await self._store.preferences(address)
        example = written("language", address.channel, "de" if language == "en" else "en")
        auto = written("language", address.channel, "auto")
        return [
            said("language_chosen" if chosen else "language_found", language, spoken=spoken),
            said("language_how", language, command=example, auto=auto),
        ]

    def _known(self, language: str) -> str:
        """The languages that have a name, in the order of the house's own first."""
        own = phrase_languages()
        codes = sorted(self._languages, key=lambda code: (code not in own, language_name(code, language) == code, code))
        names = said("comma", language).join(f"{language_name(code, language)} ({code})" for code in codes[:_NAMED])
        return said("language_known", language, languages=names)

    # -- what is remembered --------------------------------------------------------------------------
    async def _forget(self, language: str, draft: Draft) -> str:
        """Done with the end of the message. What is said of it is the same, however often that is tried."""
        draft.forget = True
        site, days = self._config.site, self._config.privacy.retention_days
        handed = await self._store.case(draft.message.address)
        return "\n\n".join(
            [
                said("forgotten", language),
                *([said("forgotten_case", language)] if handed else []),
                said("forgotten_expire", language, days=str(days)) if days else said("forgotten_kept", language),
                said("forgotten_erase", language, contact=site.contact)
                if site.contact
                else said("forgotten_erase_unknown", language, name=site.name),
            ]
        )

    async def _remembered(self, language: str, address: Address) -> str:
        turns = len(await self._store.turns(address, limit=_COUNTED))
        return said(
            "settings_remembered",
            language,
            turns=f"{turns}+" if turns == _COUNTED else str(turns),
            facts=str(len((await self._store.recall(address)).facts)),
            files=str(len(await self._store.documents(scope=conversation_scope(address)))),
            command=written("forget", address.channel),
        )

    # -- all of it -----------------------------------------------------------------------------------
    async def _shown(self, language: str, address: Address) -> str:
        lines = [
            " ".join(await self._spoken(language, address)),
            await self._person(language, address),
            await self._remembered(language, address),
        ]
        return "\n\n".join([said("settings", language), "\n".join(f"- {line}" for line in lines)])

    async def _person(self, language: str, address: Address) -> str:
        """Who has the conversation."""
        case = await self._store.case(address)
        if case is None:
            return said("settings_assistant", language, command=written("human", address.channel))
        if case.state == "taken":
            return said("settings_taken", language, agent=case.agent_name or said("colleague", language))
        return said("settings_waiting", language)


def _code(wanted: str) -> str:
    """The language that `wanted` names, as a code or in words ("de-AT", "Deutsch", "auf Deutsch"); "" when none."""
    code = normal_code(wanted)
    if code in known_languages():
        return code
    try:
        return target(wanted)[0]
    except LookupError:
        return ""
