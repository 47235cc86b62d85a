"""Scoring answers: what a question expects, whether an answer keeps to it, and what the counts are worth.

Pure: questions and results in, scores, tables and figures out. It knows nothing of how answers are made, so that what
another program wrote can be scored as well.
"""
