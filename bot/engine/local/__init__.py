"""Continuous batching of all conversations over any transformers causal language model.

A request's life: `engine` checks and encodes it; `scheduler` queues it by owner, gives it a slot and blocks of
the KV cache; `runner` computes its prompt in chunks that share steps with everybody's decoding and samples a
token a step; `worker` turns tokens into text, ends it at a stop, and hands the deltas to the event loop.
Policy (`request`, `blocks`, `scheduler`) holds no torch. Nothing in this folder imports anything of ours but
its neighbours in `bot.engine`.
"""
