"""The fast path on a GPU: attention in Triton, CUDA graphs, quantised weights and a fused forward for Llama's kin.

Nothing here is imported before it is asked for: Triton is there on Linux alone.
"""
