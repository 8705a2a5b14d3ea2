"""Passwords in the URLs of databases: masked wherever one is kept or shown."""

from __future__ import annotations

import re
from urllib.parse import unquote

MASK = "***"
_USER = re.compile(r"([A-Za-z][\w+.-]*://[^:/?#\s]*:)[^\s]*@")  # up to the last @: a password may have one
_QUERY = re.compile(r"([?&;][^=&;\s]*(?:pass|pwd|secret|token|key)[^=&;\s]*=)[^&;\s'\"]*", re.IGNORECASE)


def masked(text: str) -> str:
    """Text without the passwords of URLs in it: `postgresql://me:***@host/db?password=***`."""
    return _QUERY.sub(rf"\g<1>{MASK}", _USER.sub(rf"\g<1>{MASK}@", text))


def hidden(text: str, url: str) -> str:
    """`masked`, and without the passwords of `url` wherever the text of a driver's error repeats them."""
    text = masked(text)
    for found in (*_USER.finditer(url), *_QUERY.finditer(url)):
        secret = found[0][len(found[1]) :].removesuffix("@")
        for form in (secret, unquote(secret)):
            text = text.replace(form, MASK) if len(form) > 2 else text
    return text
