from pathlib import Path

import pytest

from bertline.errors import ConfigError, DataError, called


def test_errors_name_what_the_user_knows(tmp_path: Path) -> None:
    place = tmp_path / "source"
    with pytest.raises(DataError) as raised, called(place, "gs://bucket/model"):
        raise DataError(f"{place}/model.json: no such file; see {place}")
    assert str(raised.value) == "gs://bucket/model/model.json: no such file; see gs://bucket/model"


def test_other_errors_stay_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised, called(tmp_path, "x"):
        raise ConfigError("seed = -1")
    assert str(raised.value) == "seed = -1"
    with pytest.raises(KeyError), called(tmp_path, "x"):
        raise KeyError(str(tmp_path))
