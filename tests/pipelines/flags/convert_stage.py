"""The mark of tests that need the stage `convert`."""

import pytest

from bertline.stages.execute import STAGES

needs_convert = pytest.mark.skipif("convert" not in STAGES, reason="needs the stage convert")
