"""Compiled code of the tests lives in a folder named after the sources it comes from: never stale, and reused between runs."""

import hashlib
import os
import tempfile
from pathlib import Path

_SOURCES = Path(__file__).resolve().parent.parent / "propneat"
_digest = hashlib.sha256(str(Path.home()).encode())
for _path in sorted(_SOURCES.rglob("*.py")):
    _text = _path.read_bytes()
    if b"numba" in _text or b"propneat.native" in _text:
        _digest.update(str(_path.relative_to(_SOURCES)).encode() + _text)
# numba reads this when it is imported, which happens after this file has run
os.environ["NUMBA_CACHE_DIR"] = str(Path(tempfile.gettempdir()) / f"propneat-tests-{_digest.hexdigest()[:20]}")
