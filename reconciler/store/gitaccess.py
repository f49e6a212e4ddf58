"""How git shows a token to the remote of the state: to that one server only, and written nowhere."""

import base64
import re

_SAFE = re.compile(r"(https://|http://(?=(?:localhost|127\.0\.0\.1|\[::1\])[:/]))(?:[^@/]*@)?([^/@]+)/", re.IGNORECASE)

Setting = tuple[str, str]
"""Name and value of a setting of git."""


def token_settings(url: str, token: str) -> tuple[Setting, ...]:
    """Return the settings with which git sends a token to the server of this address.

    There are none where the address is not https (or this machine): a token does not travel in the clear. What the
    clone's own settings would send there is replaced (git-config, `http.<url>.extraHeader`: an empty value resets it).
    A job's token is the password of `x-access-token` (GitHub, "Authenticating as an installation").
    """
    match = _SAFE.match(url)
    if match is None:
        return ()
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    name = f"http.{match[1]}{match[2]}/.extraheader"
    return ((name, ""), (name, f"AUTHORIZATION: basic {basic}"))
