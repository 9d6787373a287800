from pathlib import Path

import pytest

from tests.toy_model import write_toy_folder


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    write_toy_folder(folder)
    return folder
