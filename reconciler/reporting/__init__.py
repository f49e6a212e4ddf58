"""Plan, report and diagnostics as text and JSON: pure functions to `str`; progress sinks live beside them."""
