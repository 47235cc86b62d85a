"""Business accounts: people who let the bot answer on their behalf. https://core.telegram.org/bots/features#business"""

from __future__ import annotations

from typing import Any

from tests.fakes.telegram import shapes
from tests.fakes.telegram.people import People
from tests.fakes.telegram.state import Business


class BusinessPeople(People):
    async def connect(self, user: int, *, can_reply: bool = True) -> str:
        """Somebody connects the bot to their account; the connection's id."""
        ident = f"BC{next(self.world.idents)}"
        self.world.businesses[ident] = Business(ident, user, self.world.clock.date(), can_reply)
        self._tell_of(self.world.businesses[ident])
        return ident

    async def disconnect(self, connection: str) -> None:
        self.world.businesses[connection].enabled = False
        self._tell_of(self.world.businesses[connection])

    def _tell_of(self, business: Business) -> None:
        self.updates.emit("business_connection", shapes.connection(business, self.world.person(business.user)))

    async def write_to(self, connection: str, customer: int, text: str, *, by: int = 0, **how: Any) -> int:
        """A customer writes to the business, or (`by`) its owner to the customer; the id of the message."""
        return await self.say(customer, by or customer, text, business=connection, **how)
