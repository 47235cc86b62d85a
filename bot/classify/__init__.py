"""Small classifiers of texts, trained from labelled lines: what they read, how they are trained, kept and applied.

`features` is what a text is to them; `model` applies one, with the standard library alone; `training` makes one, with
scikit-learn; `lines` reads what one is trained from, and `scores` says how good it is.
"""
