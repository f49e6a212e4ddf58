"""From the files under `specs/` to `Desired` and all diagnostics: YAML with marks, templates, JSON Schemas."""
