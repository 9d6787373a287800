"""Component `import_checkpoint`: a pretrained checkpoint in, an encoder out."""

from kfp import dsl

from components.image import component


@component
def import_checkpoint(settings: str, encoder: dsl.Output[dsl.Model]) -> None:
    """Checks a pretrained encoder and writes it in bertline's form.

    Args:
        settings: JSON of bertline.stages.import_checkpoint.Settings.
        encoder: folder with the weights, the configuration and the vocabulary.
    """
    from bertline.stages.execute import execute

    execute("import_checkpoint", settings, encoder=encoder.path)
