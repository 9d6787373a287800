"""convert, predict, diff: models as files, and what they answer."""

import argparse
from pathlib import Path
from typing import Any

from bertline.errors import ConfigError
from pipelines.commands.arguments import add_device, add_trust


def add(commands: Any) -> None:
    """Adds the commands to the subparsers."""
    _add_convert(commands.add_parser("convert", help="write a checkpoint as files, untrained"))

    predict = commands.add_parser("predict", help="a model's answers about texts")
    predict.set_defaults(command=_predict)
    predict.add_argument("texts", nargs="*", metavar="TEXT")
    predict.add_argument(
        "--model",
        required=True,
        metavar="DIR",
        help="a model or a run, also at gs://, or one of the model's files: DIR/saved_model",
    )
    predict.add_argument(
        "--context", metavar="TEXT", help="a question's context, or the second text of a pair"
    )
    predict.add_argument(
        "--input", type=Path, metavar="FILE", help='JSON lines {"text": …}; - is standard input'
    )
    predict.add_argument(
        "--output", type=Path, metavar="FILE", help="where the JSON lines of --input's answers go"
    )
    add_device(predict)
    add_trust(predict)
    predict.add_argument(
        "--no-verify",
        dest="verify",
        action="store_false",
        help="do not compare the model's files with its manifest first (for very large models)",
    )

    diff = commands.add_parser("diff", help="texts that two files of a model answer differently")
    diff.set_defaults(command=_diff)
    diff.add_argument("first", metavar="A", help="a file of a model: DIR/saved_model")
    diff.add_argument("second", metavar="B", help="another: DIR/openvino_int8")
    diff.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FILE",
        help='JSON lines {"text": …}, or the folder of an examples artifact',
    )
    add_device(diff)
    add_trust(diff)


def _convert(options: argparse.Namespace) -> None:
    from bertline.stages.convert import Settings
    from pipelines.conversion import convert, listed

    values = {
        "formats": options.to.split(","),
        "output": options.output,
        "output_names": options.output_names.split(",") if options.output_names else [],
        "static": options.static,
        "calibration": options.calibration,
        "tokenizer_inside": options.tokenizer_inside,
        "max_seq_length": options.max_seq_length,
        "trust": options.trust,
    }
    convert(options.checkpoint, Settings.parse(values, where="convert"), options.output_dir)
    for line in listed(options.output_dir):
        print(line)


def _predict(options: argparse.Namespace) -> None:
    from pipelines.answers import predict_file, predict_texts

    if bool(options.texts) == bool(options.input):
        raise ConfigError("give either texts or --input FILE")
    if options.output and not options.input:
        raise ConfigError("--output is for the answers of --input; leave it out")
    if options.context is not None and options.input:
        raise ConfigError("--context is for texts; with --input give it in each line")
    checks = {"verify": options.verify, "trust": options.trust}
    if options.input:
        predict_file(options.model, options.device, options.input, options.output, **checks)
    else:
        predict_texts(options.model, options.device, options.texts, options.context, **checks)


def _diff(options: argparse.Namespace) -> None:
    from pipelines.answers import diff

    diff(options.first, options.second, options.device, options.data, options.trust)


def _add_convert(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_convert)
    parser.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        help="what the stage import_checkpoint takes, a model folder, a SavedModel, a frozen .pb",
    )
    parser.add_argument(
        "-o", "--output-dir", type=Path, required=True, metavar="DIR", help="the folder to write"
    )
    parser.add_argument(
        "--to",
        default="openvino,litert,saved_model",
        metavar="FORMATS",
        help="runtimes or exact formats, such as openvino_int8 (default: %(default)s)",
    )
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--static", metavar="BATCHxLENGTH", help="fix the shape: 1x128")
    shape.add_argument(
        "--reshapable",
        action="store_true",
        help="leave batch and length open (the default); a LiteRT file then has batch 1",
    )
    parser.add_argument(
        "--output",
        metavar="NAME",
        help="of a checkpoint: head (the default if there is one), pooled or sequence",
    )
    parser.add_argument(
        "--output-names", metavar="NAMES", help="of a SavedModel or .pb: which ones (default: all)"
    )
    parser.add_argument(
        "--calibration",
        metavar="FILE",
        help='JSON lines {"text": …} for ranges of int8: adds OpenVINO INT8 by NNCF',
    )
    parser.add_argument(
        "--tokenizer-inside", action="store_true", help="OpenVINO files that take strings, too"
    )
    parser.add_argument(
        "--max-seq-length", type=int, metavar="TOKENS", help="where texts are cut (default: never)"
    )
    add_trust(parser)
