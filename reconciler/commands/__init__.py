"""One file a verb: parse, call the session, choose the renderer."""
