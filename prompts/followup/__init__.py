"""Follow-ups made standalone, by rule, before anything is searched."""

from prompts.followup.chain import standalone, subject

__all__ = ["standalone", "subject"]
