"""Tables for spreadsheets and data frames: a row for each emotion and layer, a column for each dimension."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...types import SteeringVectors
from ..spreadsheet import csv_bytes
from .metadata import metadata

_ABOUT = ("emotion", "layer", "residual_norm")


def write_csv(path: Path, given: SteeringVectors) -> None:
    """UTF-8; every number in as many digits as tell it from its neighbours."""
    path.write_bytes(csv_bytes([*_ABOUT, *_dimensions(given)], _rows(given), mark=True))


def _rows(given: SteeringVectors) -> Iterator[list[Any]]:
    for name, rows in zip(given.names, given.values, strict=True):
        for layer, norm, row in zip(given.layers, given.residual_norm, rows, strict=True):
            yield [name, layer, norm, *row]


def write_parquet(path: Path, given: SteeringVectors) -> None:
    """Where the vectors come from is in the schema, as JSON. Raises InputError without pyarrow."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise InputError("format 'parquet' needs pyarrow: pip install 'emoviz[parquet]'.") from error
    e, n, width = given.values.shape
    about = (np.repeat(given.names, n), np.tile(given.layers, e), np.tile(given.residual_norm, e))
    columns = dict(zip(_ABOUT, about, strict=True))
    columns |= dict(zip(_dimensions(given), given.values.reshape(e * n, width).T, strict=True))
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    parquet.write_table(table.replace_schema_metadata({"emoviz": json.dumps(metadata(given))}), path)


def _dimensions(given: SteeringVectors) -> list[str]:
    return [f"v{k}" for k in range(given.values.shape[2])]
