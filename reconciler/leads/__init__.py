"""The lists of people: read, checked, counted against what was enrolled before. No address leaves but to the server."""
