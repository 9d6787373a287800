"""Which family the weights of a checkpoint are of, by what their authors call them."""

import re
from collections.abc import Iterable

TITLES = {
    "albert": "ALBERT",
    "bart": "BART",
    "bert": "BERT",
    "big_bird": "BigBird",
    "camembert": "CamemBERT",
    "deberta": "DeBERTa",
    "deberta-v2": "DeBERTa-v2",
    "distilbert": "DistilBERT",
    "electra": "ELECTRA",
    "gpt2": "GPT-2",
    "mobilebert": "MobileBERT",
    "modernbert": "ModernBERT",
    "mpnet": "MPNet",
    "nomic_bert": "NomicBERT",
    "roberta": "RoBERTa",
    "t5": "T5",
    "xlm-roberta": "XLM-RoBERTa",
    "xlnet": "XLNet",
}
"""Hugging Face's model_type → what the family is called in messages."""

_MARKS = {
    "albert": r"albert[./]"
    r"|(bert/)?encoder[./](transformer/group_|albert_layer_groups|embedding_hidden_mapping_in)",
    "deberta": r"deberta\.|encoder\.rel_embeddings",
    "distilbert": r"distilbert\.|transformer\.layer\.\d+\.(attention\.[qkv]_lin|ffn)",
    "electra": r"(electra|generator|discriminator_predictions|generator_predictions)[./]",
    "mobilebert": r"mobilebert[./]|(bert[./])?embeddings[./]embedding_transformation"
    r"|(bert[./])?encoder[./]layer[._]\d+[./](bottleneck|ffn[.]\d|ffn_layer_)",
    "modernbert": r"(model\.)?(embeddings\.tok_embeddings|layers\.\d+\.attn\.Wqkv)",
    "mpnet": r"mpnet\.|encoder\.relative_attention_bias",
    "roberta": r"roberta\.|lm_head\.",
    "t5": r"(shared|encoder|decoder)[./](block[._]|embedding$|weight$)",
    "xlnet": r"model/transformer/|transformer\.layer\.\d+\.rel_attn",
}
"""model_type → how the name of a tensor begins in such a checkpoint, TF1 or Hugging Face, only."""


def marked_family(names: Iterable[str]) -> str | None:
    """The family that only one with these names of tensors can be of, if any name tells."""
    names = list(names)
    for family, mark in _MARKS.items():
        if any(re.match(mark, name) for name in names):
            return family
    return None
