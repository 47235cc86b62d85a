"""Engines beside each other on one workload, each in a process of its own.

`python -m bench.engines.NAME MODEL AT_ONCE…` prints one `bench.workload.Run` for each number of requests at once
(1 means four requests, one after the other). Greedy, the end token switched off, bfloat16, all cores.
"""
