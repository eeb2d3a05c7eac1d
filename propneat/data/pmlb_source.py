"""PMLB data sets by name: from a cache folder of checked files, downloaded into it when they are not there."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from propneat.base.errors import DataError
from propneat.base.records import sha256_hex, write_atomic
from propneat.data.catalogue import find_suggestion, read_catalogue

if TYPE_CHECKING:
    import pandas

__all__ = ["UnreachableError", "cached_file", "check_name", "fetch", "find_cache", "known_names", "load_pmlb", "values_digest"]

_TIMEOUT = (10, 60)
"""Seconds to wait for a connection, and for the next piece of an answer."""

_OLD_NAME = "_deprecated_"
"""PMLB renamed 32 data sets by this prefix in 2025; they are still meant by their old names everywhere else."""


class UnreachableError(DataError):
    """PMLB's server could not be reached at all."""


def find_cache(data_dir: str | Path | None = None) -> Path:
    """Return the cache folder: `data_dir`, else $PROPNEAT_DATA, else ./datasets if there is one, else the user's own cache.

    The user's own is $XDG_CACHE_HOME/propneat or ~/.cache/propneat. The folder need not exist. A file NAME.tsv.gz
    lies in its folder NAME, as in the cache of the pmlb package.
    """
    if data_dir is not None:
        return Path(data_dir)
    if folder := os.environ.get("PROPNEAT_DATA"):
        return Path(folder)
    if Path("datasets").is_dir():
        return Path("datasets")
    user_cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(user_cache) if user_cache else Path.home() / ".cache") / "propneat"


def cached_file(name: str, cache: Path) -> Path | None:
    """Return the path of a data set's file in a cache folder, under its name or its `_deprecated_` name, or None."""
    if not _is_plain(name):
        return None
    paths = [cache / stored / f"{stored}.tsv.gz" for stored in (name, _OLD_NAME + name)]
    return next((path for path in paths if path.is_file()), None)


def known_names() -> list[str]:
    """Return the names of all data sets of the catalogue and of the installed pmlb package, sorted."""
    import pmlb

    return sorted({*read_catalogue(), *pmlb.dataset_names}, key=str.lower)


def load_pmlb(name: str, data_dir: str | Path | None = None) -> "pandas.DataFrame":
    """Return a PMLB data set, the labels in the column "target", from the cache, downloading it if it is not there.

    Raises DataError for a name nobody knows, a damaged or changed file, and a download that fails.
    """
    from propneat.data.files import parse_delimited

    path = cached_file(name, find_cache(data_dir))
    content = _read_cached(path or fetch(name, data_dir), name)
    return parse_delimited(content, f"data set {name!r}")


def fetch(name: str, data_dir: str | Path | None = None) -> Path:
    """Download a data set into the cache and return its path; one that is there already is checked and kept.

    The file appears under its name only when it is whole and has the catalogue's checksum. Raises DataError when not.
    """
    cache = find_cache(data_dir)
    if path := cached_file(name, cache):
        _read_cached(path, name)
        return path
    check_name(name)
    for stored in (name, _OLD_NAME + name):
        data = _download(stored, name, cache)
        if data is None:
            continue
        _checked(data, name, f"what PMLB serves as {stored}", "try again later, or load a copy of the file by its path")
        path = cache / stored / f"{stored}.tsv.gz"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, data)
        except OSError as error:
            raise DataError(f"{path} cannot be written ({error.strerror or error}): choose another folder for data") from error
        return path
    raise DataError(f"PMLB does not serve a data set named {name!r}: put its file {name}.tsv.gz into {cache / name}")


def check_name(name: str) -> None:
    """Raise DataError unless PMLB has a data set of that name, as far as the catalogue and the pmlb package know."""
    entry = read_catalogue().get(name)
    if entry is not None and entry.sha256 is None:
        raise DataError(f"{name!r} is not a data set of PMLB: it is embedded and needs no download")
    from propneat.data.files import FILE_ENDINGS

    known = known_names()
    if name in known:
        return
    suggestion = find_suggestion(name, known)
    hint = f"did you mean {suggestion!r}?" if suggestion else "see `propneat datasets list`"
    raise DataError(f"there is no data set named {name!r}: {hint} (a file's name ends in {', '.join(FILE_ENDINGS)})")


def values_digest(frame: "pandas.DataFrame") -> str:
    """Return the SHA-256 of a table's values to nine digits, which survives a file being packed or written anew."""
    return sha256_hex(frame.to_csv(sep="\t", index=False, float_format="%.9g", lineterminator="\n").encode())


def _download(stored: str, name: str, cache: Path) -> bytes | None:
    """Return the bytes PMLB serves for a name, None when it has none; raises DataError when it cannot be reached."""
    import requests
    from pmlb import pmlb

    try:
        answer = requests.get(f"{pmlb.GITHUB_URL}/{stored}/{stored}{pmlb.suffix}", timeout=_TIMEOUT)
    except requests.RequestException as error:
        raise UnreachableError(_absent(name, cache, "no connection")) from error
    if answer.status_code == requests.codes.not_found:
        return None
    if answer.status_code != requests.codes.ok:
        raise DataError(_absent(name, cache, f"the server answered {answer.status_code}"))
    return answer.content


def _absent(name: str, cache: Path, reason: str) -> str:
    embedded = ", ".join(entry.name for entry in read_catalogue().values() if entry.embedded)
    return (
        f"data set {name!r} is not in the cache {cache} and could not be downloaded ({reason}): "
        f"put its PMLB file at {cache / name / f'{name}.tsv.gz'}, or use an embedded one ({embedded})"
    )


def _read_cached(path: Path, name: str) -> bytes:
    """Return the unpacked content of a file of the cache after checking it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    return _checked(data, name, str(path), "delete the file to have it downloaded again")


def _checked(data: bytes, name: str, label: str, remedy: str) -> bytes:
    """Return the unpacked content of a file after seeing that it is what the catalogue knows by that name.

    A file with other bytes but the same values passes: the pmlb package packs what it downloads anew.
    """
    from propneat.data.files import parse_delimited, unpack_gzip

    try:
        content = unpack_gzip(data, label)
        entry = read_catalogue().get(name)
        if entry is None or entry.sha256 in (None, sha256_hex(data)):
            return content
        if values_digest(parse_delimited(content, label)) == entry.values_sha256:
            return content
    except DataError as error:
        raise DataError(f"{error}: {remedy}") from error
    raise DataError(f"{label} is not the data set {name!r} that the catalogue knows (its checksum differs): {remedy}")


def _is_plain(name: str) -> bool:
    """Say whether a name is safe as part of a path."""
    return re.fullmatch(r"[\w+-][\w.+-]*", name, re.ASCII) is not None
