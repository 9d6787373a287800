"""Two tasks for kfp.local that take no time: `first` writes an artifact, `second` reads it."""

from typing import Any

from kfp import dsl

from components.image import component


@component
def first(settings: str, made: dsl.Output[dsl.Model]) -> None:
    """Writes `settings`, or misbehaves as they say."""
    import os
    import sys
    import tempfile
    import time
    from pathlib import Path

    from bertline.artifacts import new_artifact
    from bertline.errors import DataError
    from bertline.stages import execute

    def work(stage: str, settings: str, paths: dict[str, Path]) -> None:
        print(">> texts 1/2 50%", flush=True)
        print("noise", flush=True)
        if settings == "wrong data":
            raise DataError("labels.txt: no labels; write some")
        if settings == "bug":
            raise ValueError("shapes differ")
        if settings.startswith("die "):
            os.kill(os.getpid(), int(settings.removeprefix("die ")))
        if settings.startswith("hang "):
            sign = Path(settings.rpartition(" ")[2])
            sign.write_text(str(os.getpid()))
            with tempfile.TemporaryDirectory():
                try:
                    time.sleep(300)
                finally:
                    sign.unlink()
                    if settings.startswith("hang on "):
                        time.sleep(300)
        with new_artifact(paths["made"], "toy") as folder:
            (folder / "text.txt").write_text(settings)

    sys.modules["bertline.stages.execute"].run = work  # type: ignore[attr-defined]
    execute.execute("first", settings, made=made.path)


@component
def second(made: dsl.Input[dsl.Model]) -> str:
    """The text that `first` wrote."""
    from pathlib import Path

    return (Path(made.path) / "text.txt").read_text()


def toy_line(cache_key: str = "one") -> Any:
    """first → second; the output "Output" is the argument `settings`."""

    def line(settings: str) -> str:
        made = first(settings=settings).set_caching_options(True, cache_key=f"first {cache_key}")
        read = second(made=made.outputs["made"])
        read.set_caching_options(True, cache_key=f"second {cache_key}")
        text: str = read.output
        return text

    return dsl.pipeline(line, name="toy-line")


def conditional_line() -> Any:
    """first → second, unless the argument `settings` is "skip"; returns nothing."""

    def line(settings: str) -> None:
        with dsl.If(settings != "skip"):
            made = first(settings=settings).set_caching_options(True, cache_key="first")
            read = second(made=made.outputs["made"])
            read.set_caching_options(True, cache_key="second")

    return dsl.pipeline(line, name="conditional-line")


def looped_line() -> Any:
    """`first` in a loop of one turn, which kfp runs in a thread; returns nothing."""

    def line(settings: str) -> None:
        with dsl.ParallelFor(["once"]):
            first(settings=settings)

    return dsl.pipeline(line, name="looped-line")
