"""A bucket to publish to."""

from tests.storage.gcs_server import cloud as cloud
