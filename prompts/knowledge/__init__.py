"""What the bot knows: read, cut, analysed, indexed, searched.

source ─ gather ─▶ fetch | read_file ─▶ readers ─▶ Markdown ─ cut ─▶ passages ─ analyze ─▶ store
question ─ analyze ─▶ match (BM25) ┐
         └ embed ─▶ nearest        ┴▶ rank ─▶ arrange ─▶ rerank, where there is a model ─▶ passages
"""

from prompts.knowledge.embed import Embedder, find_embedder
from prompts.knowledge.indexing import Added, Progress
from prompts.knowledge.knowledge import Knowledge
from prompts.knowledge.rerank import Reranker, find_reranker
from prompts.knowledge.sources import Problem

__all__ = ["Added", "Embedder", "Knowledge", "Problem", "Progress", "Reranker", "find_embedder", "find_reranker"]
