"""Answers without a model: quoting what is known, small talk, and holding a model's answer against its sources.

Pure: text in, text out. The words it speaks are in `phrases/`, what it knows of languages in `words/`, both data.
"""
