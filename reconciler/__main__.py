"""`python -m reconciler`, and the command `reconciler`."""

import gc
import signal
import sys

_RARELY = 50_000
"""Objects after which Python looks for cycles. Few are made here; a large state would be searched again and again."""


def main() -> None:
    """Run the command line and end the process with its exit code. SIGTERM ends it as Ctrl-C does."""
    from reconciler.cli import run

    gc.set_threshold(_RARELY)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
