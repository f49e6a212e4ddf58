"""What every backend refuses in the same words."""

from reconciler.diagnostics import StateConflictError, StateError, error


def missing(place: str, *, hint: str = "") -> StateError:
    """Make the error of a place without a state: that is not an empty state."""
    return StateError(
        error(
            "state-missing",
            f"There is no state in {place}.",
            hint=f"For a first run: `reconciler state init`. {hint or 'If there was one, restore it from a backup.'}",
        )
    )


def exists(place: str) -> StateError:
    """Make the error of a create where there is a state, damaged or not."""
    return StateError(
        error(
            "state-exists",
            f"There is a state in {place} already.",
            hint="Nothing was changed. `reconciler state list` shows it.",
        )
    )


def conflict(serial: int, expected: int) -> StateConflictError:
    """Make the error of a compare-and-swap that found another serial, or another lineage."""
    return StateConflictError(
        error(
            "state-conflict",
            f"The state was written by somebody else meanwhile (serial {serial}, expected {expected}).",
            hint="Nothing was written. Run again: it will start from the newer state.",
        )
    )
