"""The command `bertline`. Each subcommand imports what it needs when it runs."""

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bertline import __version__
from bertline.errors import BertlineError, ConfigError
from bertline.stages.execute import explain

Command = Callable[[argparse.Namespace], None]


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of `bertline ARGUMENTS`: 0, 1 a failure, 2 a wrong input, 130 interrupted."""
    options = _parser().parse_args(argv)
    command: Command = options.command
    try:
        command(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone (`| head`); nothing more can be told, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (BertlineError, KeyboardInterrupt, OSError) as error:
        code, message = explain(error)
        print(f"error: {message}", file=sys.stderr)
        return code
    return 0


def _run(options: argparse.Namespace) -> None:
    from pipelines.recipe import load_recipe
    from pipelines.run import run

    recipe = load_recipe(options.recipe).changed(_changes(options))
    for line in run(recipe, options.root, sys.stderr).lines():
        print(line)


def _compile(options: argparse.Namespace) -> None:
    from pipelines.recipe import load_recipe

    recipe = load_recipe(options.recipe).changed(_changes(options))
    settings = recipe.settings()

    from pipelines.compose import compose, write_ir

    line = compose(recipe.pipeline, recipe.name, recipe.description, settings)
    write_ir(line, options.output)
    print(options.output)


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
    }
    convert(options.checkpoint, Settings.parse(values, where="convert"), options.output_dir)
    for line in listed(options.output_dir):
        print(line)


def _recipes(options: argparse.Namespace) -> None:
    from pipelines.recipe import load_recipe, recipe_names

    for name in recipe_names():
        print(f"{name:<18}{load_recipe(name).description}")


def _checkpoints(options: argparse.Namespace) -> None:
    from bertline.modeling.checkpoints.known import table_lines

    print(*table_lines(), sep="\n")


def _import_flags(options: argparse.Namespace) -> None:
    from bertline.artifacts import write_text
    from pipelines.flags import recipe_of

    text = recipe_of(options.line).text
    if options.output:
        write_text(options.output, text)
    else:
        print(text, end="")


def _predict(options: argparse.Namespace) -> None:
    from pipelines.answers import predict_file, predict_texts

    if bool(options.texts) == bool(options.input):
        raise ConfigError("give either texts or --input FILE")
    if options.output and not options.input:
        raise ConfigError("--output is for the answers of --input; leave it out")
    if options.input:
        predict_file(options.model, options.device, options.input, options.output)
    else:
        predict_texts(options.model, options.device, options.texts, options.context)


def _diff(options: argparse.Namespace) -> None:
    from pipelines.answers import diff

    diff(options.first, options.second, options.device, options.data)


def _changes(options: argparse.Namespace) -> dict[str, object]:
    from pipelines.recipe import parse_assignment

    data = {"ingest.source": options.data} if options.data else {}
    beam = {
        "tokenize.beam_runner": options.beam_runner,
        "tokenize.beam_options": options.beam_options and shlex.split(options.beam_options),
        "tokenize.num_shards": options.num_shards,
    }
    given = {path: value for path, value in beam.items() if value is not None}
    return data | given | dict(parse_assignment(text) for text in options.set)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bertline", description="Small text models, fine-tuned, exported, measured and judged."
    )
    parser.add_argument("--version", action="version", version=f"bertline {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run a recipe on this machine, up to the verdict")
    run.set_defaults(command=_run)
    _add_recipe(run)
    run.add_argument(
        "--root",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="folder of artifacts, cache, checkpoints, registry and logs (default: ./runs)",
    )

    compiled = commands.add_parser("compile", help="write a recipe's pipeline as KFP IR")
    compiled.set_defaults(command=_compile)
    _add_recipe(compiled)
    compiled.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the YAML file to write"
    )

    _add_convert(commands.add_parser("convert", help="write a checkpoint as files, untrained"))

    recipes = commands.add_parser("recipes", help="list the recipes")
    recipes.set_defaults(command=_recipes)

    checkpoints = commands.add_parser(
        "checkpoints", help="list the published checkpoints: values of import_checkpoint.checkpoint"
    )
    checkpoints.set_defaults(command=_checkpoints)

    imported = commands.add_parser(
        "import-flags", help="another project's command line as a recipe; see docs/flags.md"
    )
    imported.set_defaults(command=_import_flags)
    imported.add_argument(
        "line", metavar="COMMAND", help="in quotes: 'python3 run_squad.py --do_train …'"
    )
    imported.add_argument("-o", "--output", type=Path, metavar="FILE", help="the file to write")

    predict = commands.add_parser("predict", help="a model's answers about texts")
    predict.set_defaults(command=_predict)
    predict.add_argument("texts", nargs="*", metavar="TEXT")
    predict.add_argument(
        "--model",
        type=Path,
        required=True,
        metavar="DIR",
        help="an exported or published model, or one of its files: DIR/openvino_int8",
    )
    predict.add_argument(
        "--context", metavar="TEXT", help="a question's context, or the second text of a pair"
    )
    predict.add_argument("--input", type=Path, metavar="FILE", help='JSON lines {"text": …}')
    predict.add_argument(
        "--output", type=Path, metavar="FILE", help="where the JSON lines of --input's answers go"
    )
    _add_device(predict)

    diff = commands.add_parser("diff", help="texts that two files of a model answer differently")
    diff.set_defaults(command=_diff)
    diff.add_argument("first", type=Path, metavar="A", help="a file of a model: DIR/saved_model")
    diff.add_argument("second", type=Path, metavar="B", help="another: DIR/openvino_int8")
    diff.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FILE",
        help='JSON lines {"text": …}, or the folder of an examples artifact',
    )
    _add_device(diff)
    return parser


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
        "--reshapable", action="store_true", help="leave batch and length open (the default)"
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
        "--calibration", metavar="FILE", help='JSON lines {"text": …}: adds OpenVINO INT8 by NNCF'
    )
    parser.add_argument(
        "--tokenizer-inside", action="store_true", help="OpenVINO files that take strings, too"
    )
    parser.add_argument(
        "--max-seq-length", type=int, metavar="TOKENS", help="where texts are cut (default: never)"
    )


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="a name (see recipes) or a YAML file")
    parser.add_argument("--data", metavar="DIR", help="the dataset: --set ingest.source=DIR")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="STAGE.KEY=VALUE",
        help="another value for a setting; can be repeated",
    )
    parser.add_argument(
        "--beam-runner",
        metavar="NAME",
        help="what tokenizes: fnapi (this process, the default), flink or dataflow",
    )
    parser.add_argument(
        "--beam-options",
        metavar="OPTIONS",
        help="Beam's own, in quotes: --beam-options='--flink_master=HOST:8081 --parallelism=4'",
    )
    parser.add_argument(
        "--num-shards", type=int, metavar="N", help="tokenize in N tasks (pods), each a shard"
    )


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", default="CPU", metavar="NAME", help="passed to the runtime (default: CPU)"
    )


if __name__ == "__main__":
    sys.exit(main())
