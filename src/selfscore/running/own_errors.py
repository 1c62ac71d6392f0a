"""Which errors this project raises itself: their words are written for the user.

Knows tracebacks; knows no error.
"""

from __future__ import annotations

import dis

_RAISE = dis.opmap["RAISE_VARARGS"]


def is_our_own(error: BaseException) -> bool:
    """Whether a `raise` of this project made it: then its words are written for the user."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None or isinstance(error, AssertionError):
        return False
    code = last.tb_frame.f_code
    ours = str(last.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
    return ours in ("selfscore", "selfscore_demo") and code.co_code[last.tb_lasti] == _RAISE
