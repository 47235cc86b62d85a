"""Learning from what went wrong: questions become a list of gaps, and what people write to close one becomes known.

    asked ▶ likeness ▶ clusters ▶ gaps ▶ (a person writes) ▶ corrections ▶ knowledge

Nothing is learned by itself: what a visitor says, or what a colleague said once, is never told to another visitor
before somebody has read and approved it.
"""
