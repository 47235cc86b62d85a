"""The channels: how messages come in and answers go out."""
