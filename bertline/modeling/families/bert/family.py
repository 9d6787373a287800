"""BERT's row of the table of families."""

from typing import Any

from bertline.modeling.families.base import Family
from bertline.modeling.families.bert.config import BertConfig, fitted
from bertline.modeling.families.bert.google import GOOGLE
from bertline.modeling.families.bert.huggingface import HUGGING_FACE
from bertline.modeling.families.bert.published import PUBLISHED
from bertline.modeling.families.bert.shapes import encoder_flops, encoder_shapes, head_shapes
from bertline.modeling.families.bert.sites import SITES, lacking


def _encoder(config: BertConfig, *args: Any, **kwargs: Any) -> Any:
    from bertline.modeling.families.bert.encoder import Encoder

    return Encoder(config, *args, **kwargs)


FAMILY = Family(
    name="bert",
    config=BertConfig,
    encoder=_encoder,
    shapes=encoder_shapes,
    head_shapes=head_shapes,
    fitted=fitted,
    flops=encoder_flops,
    sites=SITES,
    lacking=lacking,
    checkpoints={"google": GOOGLE, "huggingface": HUGGING_FACE},
    published=PUBLISHED,
)
