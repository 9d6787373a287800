"""What all tests share: the option and the marks of real data, an environment of their own, and
for those that ask for it a bucket.
"""

import os
import signal
import tempfile
from pathlib import Path

import hypothesis
import pytest

from tests.storage.gcs_server import cloud as cloud

ROOT = Path(__file__).parents[1]
LONG = {ROOT / "tests" / name for name in ("training", "export", "stages", "pipelines")}
"""Folders of tests that train and convert."""

# Before any test module imports TensorFlow or Keras; subprocesses inherit it.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["MPLBACKEND"] = "agg"

# Shells let what they start in the background ignore Ctrl-C, nohup lets it ignore the end of the
# terminal, and so does all that it starts in turn.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Tests never time anything, and the same commit always sees the same examples.
hypothesis.settings.register_profile("bertline", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("bertline")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-shared",
        action="store_true",
        help="run slow tests too, and fail where the real data is missing",
    )
    parser.addoption(
        "--containers", action="store_true", help="run the tests that need images and an engine"
    )
    parser.addoption("--flink", action="store_true", help="run the tests that need Apache Flink")
    parser.addoption(
        "--cluster", action="store_true", help="run the tests that need etcd and kube-apiserver"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Gives libraries a settings folder of their own: the user's cannot change the tests."""
    folder = tempfile.TemporaryDirectory(prefix="bertline-tests-")
    config.add_cleanup(folder.cleanup)
    for variable in ("CLOUDSDK_CONFIG", "KERAS_HOME", "MPLCONFIGDIR"):
        os.environ[variable] = folder.name


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is marked slow, containers, flink or cluster, unless it is asked for.

    What takes long is begun first: no core is left without work in the end.
    """
    asked = {
        "slow": "--require-shared",
        "containers": "--containers",
        "flink": "--flink",
        "cluster": "--cluster",
    }
    marks = [mark for mark, option in asked.items() if not config.getoption(option)]
    left_out = [item for item in items if any(map(item.get_closest_marker, marks))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: not LONG.intersection(item.path.parents))


@pytest.fixture(scope="session")
def shared(pytestconfig: pytest.Config) -> Path:
    """The folder of real data and oracles: $BERTLINE_DATA, or `shared` beside the repository."""
    folder = Path(os.environ.get("BERTLINE_DATA", ROOT.parent / "shared"))
    if folder.is_dir():
        return folder
    reason = f"no real data: {folder} is not a folder; set BERTLINE_DATA to the one that holds it"
    if pytestconfig.getoption("--require-shared"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
