"""From a name or a config to the family. Its module is imported when it is first asked for."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from bertline.artifacts import read_json
from bertline.errors import CheckpointError, ConfigError
from bertline.modeling.families.base import ENCODER_FILE, EncoderConfig, Family
from bertline.modeling.families.recognition import TITLES
from bertline.modeling.site_table import SiteTable
from bertline.tables.families import DEFAULT_FAMILY, FAMILIES


def family_named(name: str) -> Family[Any]:
    """The family `name` of FAMILIES."""
    family: Family[Any] = import_module(FAMILIES[name]).FAMILY
    return family


def family_of(config: EncoderConfig) -> Family[Any]:
    """The family of an encoder."""
    return family_named(config.family)


def sites_of(config: EncoderConfig | None) -> SiteTable:
    """The sites of an encoder's family; of a graph without a config, those of the default one."""
    return family_named(config.family if config else DEFAULT_FAMILY).sites


def not_supported(name: str) -> str:
    """The problem and the remedy where a family is asked for that is not in the table."""
    return f"{TITLES.get(name, name)} encoders are not supported; {remedy()}"


def remedy() -> str:
    """What to give where a checkpoint is of no supported family."""
    return f"give one of a supported family: {', '.join(TITLES.get(f, f) for f in FAMILIES)}"


def supported_family(name: str, where: str) -> Family[Any]:
    """The family `name`; raises CheckpointError, naming the place `where`, if it is not here."""
    if name not in FAMILIES:
        raise CheckpointError(f"{where}: {not_supported(name)}")
    return family_named(name)


def config_class(values: Mapping[str, Any]) -> type[EncoderConfig]:
    """The class of the config that `values` describe; raises ValueError for an unknown family."""
    name = values.get("family", DEFAULT_FAMILY)
    if name not in FAMILIES:
        raise ValueError(not_supported(str(name)))
    return family_named(name).config


def read_encoder(folder: Path) -> EncoderConfig:
    """The config of an encoder artifact; raises ConfigError or DataError."""
    file = folder / ENCODER_FILE
    values = read_json(file)
    try:
        kind = config_class(values)
    except ValueError as error:
        raise ConfigError(f"{file}: {error}") from None
    return kind.parse(values, where=str(file))
