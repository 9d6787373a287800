"""Beam's job server with Flink inside, put together from jars of Maven Central.

The one jar that Beam publishes of the two is not on every mirror; what it is made of is.
"""

import os
import zipfile
from pathlib import Path

from apache_beam.utils.subprocess_server import JavaJarServer

from bertline.artifacts import file_sha256
from bertline.storage import fetch

FLINK_VERSION = "1.19"
MAIN = "org.apache.beam.runners.flink.FlinkJobServerDriver"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bertline" / "flink"


def job_server() -> Path:
    """A jar that `java -jar` runs; the jars it names are fetched once, and checked each time."""
    jars = [
        _jar(*line.split())
        for line in Path(__file__).with_name("flink_jars.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    class_path = " ".join(str(jar.relative_to(CACHE)) for jar in jars)
    entries = {"Manifest-Version": "1.0", "Main-Class": MAIN, "Class-Path": class_path}
    manifest = "".join(_folded(f"{key}: {value}") for key, value in entries.items())
    path = CACHE / "job-server.jar"
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", f"{manifest}\r\n")
    return path


def _jar(coordinate: str, sha256: str) -> Path:
    group, artifact, version = coordinate.split(":")
    url: str = JavaJarServer.path_to_maven_jar(artifact, group, version)
    folder = CACHE / f"{artifact}-{version}"
    path = folder / url.rpartition("/")[2]
    if path.is_file() and file_sha256(path) == sha256:
        return path
    fetch(url, folder, sha256)
    return path


def _folded(line: str) -> str:
    """A line of a jar's manifest, which has 72 bytes at most and goes on after a space."""
    pieces = [line[:72], *(f" {line[at : at + 71]}" for at in range(72, len(line), 71))]
    return "".join(f"{piece}\r\n" for piece in pieces)
