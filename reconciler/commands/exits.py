"""The exit codes of design §4."""

OK = 0
FAILED = 1
"""Invalid files, blocked, an API error, or unknown: what was done is told."""
CHANGES = 2
"""`plan --detailed-exitcode`: changes are pending."""
HELD = 3
"""`apply`: all that could be done was done, something is held by a guard."""
BUG = 70
INTERRUPTED = 130
