"""What became of a shard, as a file beside it: Beam hands on no exception's class."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bertline.artifacts import read_json, write_json
from bertline.errors import DataError
from bertline.features.shards import Shard, Summary
from bertline.interrupts import Interrupted, number_of


def outcome_file(shard: Shard) -> Path:
    """The path of the shard's outcome."""
    return shard.target.with_suffix(".json")


def write_outcome(shard: Shard, source: Path, encode: Callable[[Shard], Summary]) -> bool:
    """Encodes the shard and writes how that ended; False if it was interrupted.

    source: what messages call the shard's source.
    """
    outcome: dict[str, Any]
    try:
        outcome = {"summary": asdict(encode(shard))}
    except DataError as error:
        outcome = {"data_error": str(error).replace(str(shard.source), str(source))}
    except OSError as error:
        outcome = {"os_error": [error.errno, error.strerror, error.filename]}
    except KeyboardInterrupt as error:
        outcome = {"interrupted": number_of(error)}
    write_json(outcome_file(shard), outcome)
    return "interrupted" not in outcome


def has_features(shard: Shard) -> bool:
    """Whether the outcome says that the shard's feature file was written."""
    return "summary" in read_json(outcome_file(shard))


def take_outcome(shard: Shard) -> Summary:
    """The summary in the outcome, whose file is removed; raises what was raised in encoding."""
    file = outcome_file(shard)
    outcome = read_json(file)
    file.unlink()
    if "interrupted" in outcome:
        raise Interrupted(outcome["interrupted"])
    if "data_error" in outcome:
        raise DataError(outcome["data_error"])
    if "os_error" in outcome:
        raise OSError(*outcome["os_error"])
    return Summary(**outcome["summary"])
