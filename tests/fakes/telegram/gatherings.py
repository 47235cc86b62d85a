"""Where people meet: groups, forums and their topics, who comes and goes, and who blocks the bot."""

from __future__ import annotations

from typing import Any

from tests.fakes.telegram import shapes
from tests.fakes.telegram.places import open_topic
from tests.fakes.telegram.state import SUPERGROUPS, Chat, Shown, Status, User
from tests.fakes.telegram.texts import piece
from tests.fakes.telegram.updates import Updates
from tests.fakes.telegram.world import World


class Gatherings:
    """Chats and people make themselves when they are first named; these make them as a test wants them."""

    world: World
    updates: Updates

    def user(self, ident: int, first_name: str = "", **known: Any) -> User:
        """Somebody, as Telegram knows them: last_name, username, language_code, is_bot."""
        found = self.world.person(ident)
        for name, value in {"first_name": first_name or found.first_name, **known}.items():
            setattr(found, name, value)
        return found

    def group(self, ident: int, title: str = "", *, forum: bool = False, bot: Status = "member") -> Chat:
        """A group with the bot in it, as `bot`; of a kind that the id tells: supergroups' are below -10**12."""
        place = self.world.place(ident)
        place.title, place.forum = title or place.title, forum
        place.members[self.world.bot.id] = bot
        return place

    def topic(self, chat: int, name: str, user: int = 0) -> int:
        """Somebody opens a topic; its id. In a private chat it makes the chat one with topics."""
        place = self.world.place(chat)
        topic = open_topic(self.world, place, name, user or (chat if chat > 0 else 1))
        self._tell(place, place.messages[topic.id])
        return topic.id

    def close_topic(self, chat: int, topic: int, user: int) -> None:
        """An administrator closes a topic."""
        place = self.world.place(chat)
        place.topics[topic].closed = True
        self._tell(place, self.world.put(place, user=user, thread=topic, service={"forum_topic_closed": {}}))

    def join(self, chat: int, *users: int, by: int = 0) -> int:
        """People come into a group, by themselves or brought along; the id of the message that tells of it."""
        place = self.world.place(chat)
        for one in users:
            place.members[one] = "member"
        people = [shapes.user(self.world.person(one)) for one in users]
        service = {"new_chat_members": people, "new_chat_member": people[0], "new_chat_participant": people[0]}
        shown = self.world.put(place, user=by or users[0], service=service)
        self._tell(place, shown)
        return shown.id

    def leave(self, chat: int, user: int) -> None:
        place = self.world.place(chat)
        place.members[user] = "left"
        person = shapes.user(self.world.person(user))
        self._tell(place, self.world.put(place, user=user, service={"left_chat_member": person}))

    def set_bot(self, chat: int, status: Status, by: int) -> None:
        """Somebody adds the bot to a group, makes it an administrator, or throws it out; in a private chat: blocks
        ("kicked") or unblocks ("member") it."""
        place = self.world.place(chat)
        old = shapes.member(place, self.world.bot)
        place.members[self.world.bot.id] = status
        change = {
            "chat": shapes.chat(place, self.world.person), "from": shapes.user(self.world.person(by)),
            "date": self.world.clock.date(), "old_chat_member": old,
            "new_chat_member": shapes.member(place, self.world.bot),
        }  # fmt: skip
        self.updates.emit("my_chat_member", change)

    def migrate(self, chat: int) -> int:
        """A group becomes a supergroup, which has another id: what is sent to the old one is refused with it."""
        old = self.world.place(chat)
        new = self.world.place(SUPERGROUPS + chat)
        new.title, new.members = old.title, dict(old.members)
        told = self.world.put(old, user=1, service={"migrate_to_chat_id": new.id})
        self._tell(old, told)
        old.migrated_to = new.id
        self._tell(new, self.world.put(new, user=1, service={"migrate_from_chat_id": old.id}))
        return new.id

    # -- what the bot is told ------------------------------------------------------------------------------
    def _tell(self, place: Chat, shown: Shown, *, edited: bool = False) -> None:
        if not self._hears(place, shown):
            return
        kind = f"{'business_' if place.business else ''}message"
        if place.kind == "channel":
            kind = "channel_post"
        self.updates.emit(f"edited_{kind}" if edited else kind, self.world.message(place, shown))

    def _hears(self, place: Chat, shown: Shown) -> bool:
        """Privacy mode: in groups the bot hears only what is meant for it, unless it is an administrator there.
        https://core.telegram.org/bots/features#privacy-mode"""
        status = place.members.get(self.world.bot.id, "left")
        if status in ("left", "kicked"):
            return False
        if not place.group or not self.world.privacy or status == "administrator" or shown.service:
            return True
        answered = place.messages.get(shown.reply_to)
        return (answered is not None and answered.by_bot) or any(self._names(shown, one) for one in shown.entities)

    def _names(self, shown: Shown, entity: Any) -> bool:
        """Whether this is the bot's name, or a command to it or to nobody."""
        text = piece(shown.text, entity).lower()
        name = f"@{self.world.bot.username.lower()}"
        if entity["type"] == "bot_command":
            return text.endswith(name) or "@" not in text
        if entity["type"] == "text_mention":
            return bool(entity["user"]["id"] == self.world.bot.id)
        return bool(entity["type"] == "mention" and text == name)
