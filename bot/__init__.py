"""Frontdesk: the bus, the turn and the desk that joins them. Importing this package loads no model and no channel."""

__version__ = "0.1.0"
