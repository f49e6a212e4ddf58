"""Where the state is kept: one small document, immutable blobs beside it, and the lease of whoever applies."""
