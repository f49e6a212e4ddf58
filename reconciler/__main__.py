"""`python -m reconciler`, and the command `reconciler`."""

import signal
import sys


def main() -> None:
    """Run the command line and end the process with its exit code. SIGTERM ends it as Ctrl-C does."""
    from reconciler.cli import run

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
