"""The only place that knows the vendor: its address, its key, its calls, the shapes of its answers.

Importing this room costs nothing; httpx and stamina are loaded when the first client is made.
"""

from reconciler.leadterra.address import KeyKind, check_base_url, key_kind
from reconciler.leadterra.client import LeadterraClient
from reconciler.leadterra.transport import ReadOnlyError

__all__ = ["KeyKind", "LeadterraClient", "ReadOnlyError", "check_base_url", "key_kind"]
