"""What people press and put below messages of ours: an opinion, a stop, a person, a case; and Telegram's own Stop."""

from __future__ import annotations

import time
from typing import Any

from adapters.telegram import keyboards, names, rules
from adapters.telegram.heard import Pressed, Reacted, Stopped, Who
from adapters.telegram.names import Place
from adapters.telegram.receiving import Receiving
from bot.events import Address, Command, Feedback, Message, Stop

_OPINIONS = {keyboards.GOOD: 1, keyboards.BAD: -1}
_ACTS: dict[str, Command] = {keyboards.TAKE: "take", keyboards.RESOLVE: "resolve", keyboards.RETURN: "return"}
_RECENT = 20
"""Exchanges of a conversation among which the one is that is being answered."""


class Buttons:
    def __init__(self, at: Receiving) -> None:
        self._at = at

    async def pressed(self, pressed: Pressed) -> None:
        """Do what the button says; whoever pressed it is answered at once, or it would go on turning."""
        action = pressed.data.partition(":")[0]
        shown = ""
        if action in _ACTS:
            await self._case(pressed, _ACTS[action])
        elif await self._welcome(pressed.who, pressed.place, private=pressed.private):
            shown = await self._by_visitor(pressed, action)
        self._answer(pressed, shown)

    async def reacted(self, reacted: Reacted) -> None:
        """A thumb below an answer is an opinion of it."""
        if await self._welcome(reacted.who, reacted.place, private=reacted.private):
            await self._feedback(reacted.place, reacted.message, reacted.who, reacted.value)

    async def stopped(self, stopped: Stopped) -> None:
        """End the answer that the draft shows."""
        address = names.address(stopped.place)
        for message in reversed(await self._running(address)):
            if names.draft_id(message.id) == stopped.draft:
                await self._at.publish(Stop(address=address, message_id=message.id))

    # -- visitors ------------------------------------------------------------------------------------
    async def _by_visitor(self, pressed: Pressed, action: str) -> str:
        """What whoever pressed it reads for a moment."""
        if action in _OPINIONS:
            kept = await self._feedback(pressed.place, pressed.message, pressed.who, _OPINIONS[action])
            return self._at.word("thanks", pressed.who) if kept else ""
        if action == keyboards.STOP:
            return await self._stop(pressed)
        if action == keyboards.HUMAN:
            await self._human(pressed)
        return ""

    async def _stop(self, pressed: Pressed) -> str:
        """End the answer that the message shows; where it is not known, what is being answered to whoever pressed.

        In a group nobody ends an answer to somebody else. Who asked in the name of a chat presses in their own, so
        such an answer is everybody's.
        """
        question, who = await self._at.asked_at(pressed.place, pressed.message), str(pressed.who.id)
        running = [question] if question else await self._running(names.address(pressed.place))
        asked = [one for one in running if one.sender == who or one.sender.startswith("-")]
        if running and not asked:
            return self._at.word("not_yours", pressed.who)
        ended = [await self._at.publish(Stop(address=one.address, message_id=one.id)) for one in asked]
        return self._at.word("stopped", pressed.who) if any(ended) else ""

    async def _running(self, address: Address) -> list[Message]:
        """What is being answered in a conversation, or waits for it."""
        history = await self._at.store.history(address, limit=_RECENT)
        return [exchange.message for exchange in history if exchange.outgoing is None]

    async def _feedback(self, place: Place, message: int, who: Who, value: int) -> bool:
        question = await self._at.asked_at(place, message)
        if question is None:
            return False
        opinion = Feedback(address=question.address, message_id=question.id, value=value, sender=str(who.id))
        if not await self._at.publish(opinion):
            return False
        remote = names.remote(place, message)
        self._at.courtesies.offer(lambda: self._at.sender.chosen(remote, value))
        return True

    async def _human(self, pressed: Pressed) -> None:
        """As if they had written that they want a person."""
        question = await self._at.asked_at(pressed.place, pressed.message)
        await self._at.publish(
            Message(
                id=names.press_id(pressed.place, pressed.query),
                address=question.address if question else names.address(pressed.place),
                sender=str(pressed.who.id),
                text="",
                sent_at=time.time(),
                language=pressed.who.language,
                name=pressed.who.name,
                command="human",
            )
        )

    # -- colleagues ----------------------------------------------------------------------------------
    async def _case(self, pressed: Pressed, command: Command) -> None:
        """Somebody at the support desk acts on a case; nobody else can."""
        if not self._at.cases.at_desk(pressed.place):
            return
        case = await self._at.cases.shown_by(pressed.place, pressed.message)
        desk = self._at.cases.address(case)
        if not case or not await self._at.store.case_at(desk):
            return
        await self._at.publish(
            Message(
                id=names.press_id(pressed.place, pressed.query),
                address=desk,
                sender=str(pressed.who.id),
                text="",
                sent_at=time.time(),
                name=pressed.who.name,
                command=command,
            )
        )

    # -- both ----------------------------------------------------------------------------------------
    async def _welcome(self, who: Who, place: Place, *, private: bool) -> bool:
        if place.business:
            connection = await self._at.connections.of(place.business)
            return connection.may_reply and who.id != connection.owner
        return rules.welcome(who, place.chat, self._at.config.telegram, private=private)

    def _answer(self, pressed: Pressed, shown: str) -> None:
        async def answer() -> None:
            text: dict[str, Any] = {"text": shown} if shown else {}
            await self._at.api.call("answerCallbackQuery", callback_query_id=pressed.query, **text)

        self._at.courtesies.offer(answer)
