"""The environment, read once and frozen. Hosts, keys and connection strings come from here only (design §3)."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr

DEFAULT_BASE_URL = "https://app.leadterra.co/v1"


class Settings(BaseModel):
    """What the environment says. Secrets do not show in its `repr`."""

    model_config = ConfigDict(frozen=True)

    api_key: SecretStr | None = None
    base_url: str = DEFAULT_BASE_URL
    leads_dir: Path | None = None
    ledger_key: SecretStr | None = None
    git_token: SecretStr | None = None
    no_color: bool = False
    ci: bool = False
    dumb_terminal: bool = False


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings; an empty variable counts as not set."""

    def value(name: str) -> str | None:
        return environment.get(name, "").strip() or None

    key, leads, ledger = value("LEADTERRA_API_KEY"), value("RECONCILER_LEADS_DIR"), value("RECONCILER_LEDGER_KEY")
    token = value("RECONCILER_GIT_TOKEN")
    return Settings(
        api_key=SecretStr(key) if key else None,
        base_url=value("LEADTERRA_BASE_URL") or DEFAULT_BASE_URL,
        leads_dir=Path(leads) if leads else None,
        ledger_key=SecretStr(ledger) if ledger else None,
        git_token=SecretStr(token) if token else None,
        ci=(value("CI") or "false").lower() not in {"false", "0"},
        dumb_terminal=(value("TERM") or "").lower() in {"dumb", "unknown"},
        no_color="NO_COLOR" in environment and environment["NO_COLOR"] != "",
    )
