"""The address of a judge's server, checked before anything is asked there.

It is never shown as it was given: a name and password may stand in it.
"""

from __future__ import annotations

from urllib.parse import urlsplit


def server_of(base_url: str) -> str:
    """The server of a `base_url`, in one way of writing, without a name or password.

    Raises:
        ValueError: it is no address that can be asked.
    """
    try:
        parts = urlsplit(base_url)
        host = (parts.hostname or "").encode("idna")
        known = bool(host) and parts.port != 0
    except ValueError:  # Brackets, a port, or a part of the host's name that cannot be.
        known = False
    blank = any(letter.isspace() or not letter.isprintable() for letter in base_url)
    if not known or blank or parts.scheme.lower() not in ("http", "https"):
        raise ValueError(
            "`base_url` is no address of a server: it is http:// or https://, a host and a path, "
            "such as http://localhost:8000/v1"
        )
    place = parts.netloc.rpartition("@")[2].lower()
    return f"{parts.scheme.lower()}://{place}{parts.path.rstrip('/')}"
