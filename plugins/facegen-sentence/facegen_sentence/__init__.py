"""Pretrained sentence embeddings for facegen."""

from facegen import hookimpl


@hookimpl
def facegen_conditioners() -> dict[str, str]:
    return {"sentence_embedding": "facegen_sentence.sentence_embedding:SentenceEmbedding"}
