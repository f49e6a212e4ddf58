"""Outbound email campaigns as code: plan and apply Leadterra campaigns from YAML in git."""
