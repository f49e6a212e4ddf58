"""`python -m reconciler`, and the command `reconciler`."""

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from reconciler.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
