"""Does a frame fit a table's declaration? It is fitted without loss, or refused with what to do about it.

Belongs here: columns, types, nulls and keys. Does not belong here: whether values make sense (the boundary checks judge that).
"""

import polars as pl
from polars.datatypes import DataType, DataTypeClass
from polars.exceptions import InvalidOperationError

from contracts.errors import SchemaMismatchError
from contracts.tables import TableSpec

_UNITS = ("ms", "us", "ns")


def fit(frame: pl.DataFrame, spec: TableSpec, *, unique: bool) -> pl.DataFrame:
    """The frame's rows with exactly the declared columns, in the declared order and types.

    Types are converted only where no value changes (a narrower integer, milliseconds, another zone's instant, Enum). A frame
    without rows and columns fits every declaration. `unique` also demands that no two rows share a key. Quarantine tables
    hold what broke the rules: their rows may lack a key or a client, and may repeat one.
    Raises SchemaMismatchError naming every fault and its mend.
    """
    if frame.is_empty() and not frame.columns:
        return spec.schema.to_frame()
    faults = [
        *(f"`{name}` is not declared: drop it, or declare it" for name in frame.columns if name not in spec.schema),
        *(
            f"`{name}` ({dtype}) is missing: add it, as null where it is unknown"
            for name, dtype in spec.schema.items()
            if name not in frame.columns
        ),
        *(
            f"`{name}` is {have}, declared {want}: {_mend(have, want)}"
            for name, want in spec.schema.items()
            if (have := frame.schema.get(name)) is not None and not _converts(have, want)
        ),
    ]
    _refuse(spec, faults)
    try:
        fitted = frame.select(pl.col(name).cast(dtype) for name, dtype in spec.schema.items())
    except InvalidOperationError as error:
        _refuse(spec, [f"a value does not fit its declared type: {str(error).splitlines()[0]}"])
        raise AssertionError("unreachable") from error
    _refuse(spec, _row_faults(fitted, spec, unique=unique))
    return fitted


def is_quarantine(spec: TableSpec) -> bool:
    """Whether the table holds the rows that were kept out of another one (see TableSpec.quarantine)."""
    return spec.name.startswith("quarantined_")


def _row_faults(frame: pl.DataFrame, spec: TableSpec, *, unique: bool) -> list[str]:
    never_null = {spec.partition_by} if is_quarantine(spec) else {spec.partition_by, spec.tenant_column, *spec.keys}
    columns = sorted(name for name in never_null if name is not None)
    faults = [
        f"`{name}` is null in {count} of {frame.height} rows: every row needs one"
        for name in columns
        if (count := frame[name].null_count())
    ]
    if unique and not is_quarantine(spec):
        repeated = frame.height - frame.select(spec.keys).unique().height
        if repeated:
            faults.append(
                f"{repeated} rows repeat a key ({', '.join(spec.keys)}): decide which one counts, "
                "with .unique(subset=keys, keep='first' or 'last')"
            )
    return faults


def _refuse(spec: TableSpec, faults: list[str]) -> None:
    if faults:
        raise SchemaMismatchError(
            f"{spec.key}: {'; '.join(faults)}. Nothing was written. Declared in contracts/tables.py."
        )


def _converts(have: DataType | DataTypeClass, want: DataType | DataTypeClass) -> bool:
    if have == want or have == pl.Null:
        return True
    if have.is_integer():
        return want.is_integer() or want.is_float()
    if isinstance(have, pl.List) and isinstance(want, pl.List):
        return _converts(have.inner, want.inner)
    if isinstance(have, pl.Struct) and isinstance(want, pl.Struct):
        inner = {field.name: field.dtype for field in have.fields}
        return [f.name for f in want.fields] == list(inner) and all(
            _converts(inner[field.name], field.dtype) for field in want.fields
        )
    if isinstance(have, pl.Datetime) and isinstance(want, pl.Datetime):
        zones_agree = (have.time_zone is None) == (want.time_zone is None)
        return zones_agree and _UNITS.index(have.time_unit) <= _UNITS.index(want.time_unit)
    return (have == pl.Float32 and want == pl.Float64) or (
        isinstance(have, pl.Enum | pl.Categorical) and want == pl.String
    )


def _mend(have: pl.DataType, want: pl.DataType) -> str:
    if isinstance(have, pl.Datetime) and isinstance(want, pl.Datetime):
        if have.time_zone is None and want.time_zone is not None:
            return "say which zone it is in, with .dt.replace_time_zone(...)"
        return f"round it, with .dt.cast_time_unit('{want.time_unit}')"
    return "convert it before writing, so that what is lost is your decision"
