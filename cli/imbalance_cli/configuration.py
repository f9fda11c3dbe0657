"""Where a value comes from when its flag is not given: the environment, then config.toml, then the default."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from imbalance.errors import UsageError

DEFAULTS: dict[str, Any] = {
    "format": "table",
    "venue": None,
    "interval": "15m",
    "lookback": "30d",
    "window": 15.0,
    "band": None,
    "timeout": 15.0,
    "strict": False,
    "max_age": None,
    "color": None,
    "ascii": False,
    "width": None,
}
_KINDS: dict[str, type] = {
    "format": str, "venue": list, "interval": str, "lookback": str, "window": float, "band": list, "timeout": float,
    "strict": bool, "max_age": str, "color": bool, "ascii": bool, "width": int,
}  # fmt: skip
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}

TEMPLATE = """# Defaults of the imbalance command.
# Flags beat the environment (IMBALANCE_INTERVAL, ...), which beats this file.
# Keys and addresses of sources are read from the environment alone (IMBALANCE_COINGLASS_KEY, IMBALANCE_BINANCE_URL).

# format = "table"        # table | text | json | csv | markdown
# venue = ["binance"]     # all, where not set
# interval = "15m"
# lookback = "30d"
# window = 15             # per cent
# band = ["85000:92000"]
# timeout = 15            # seconds a source
# strict = false
# max_age = "10m"
# color = true            # as the terminal can, where not set
# ascii = false
# width = 100
"""


def path() -> Path:
    """Return where config.toml is looked for (IMBALANCE_CONFIG, else the platform's place)."""
    given = os.environ.get("IMBALANCE_CONFIG")
    if given:
        return Path(given)
    import platformdirs

    return platformdirs.user_config_path("imbalance") / "config.toml"


def _from_file() -> dict[str, Any]:
    file = path()
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{file}: {error}") from None
    for name, value in table.items():
        if name not in _KINDS:
            raise UsageError(f"{file}: unknown setting {name!r}", f"Known: {', '.join(_KINDS)}.")
        kind = _KINDS[name]
        fits = isinstance(value, (int, float) if kind is float else kind) and (
            kind is bool or not isinstance(value, bool)
        )
        if not fits:
            raise UsageError(f"{file}: {name} must be a {kind.__name__}, not {value!r}")
    return table


def _from_environment(name: str) -> Any:  # noqa: ANN401  the setting's own type
    variable = f"IMBALANCE_{name.upper()}"
    text = os.environ.get(variable)
    if not text:
        return None
    kind = _KINDS[name]
    if kind is list:
        return text.split(",")
    if kind is bool:
        if text.lower() not in _TRUE | _FALSE:
            raise UsageError(f"{variable} must be true or false, not {text!r}")
        return text.lower() in _TRUE
    try:
        return kind(text)
    except ValueError:
        raise UsageError(f"{variable} must be a {kind.__name__}, not {text!r}") from None


def filled(given: dict[str, Any]) -> dict[str, Any]:
    """Return every setting: the flag where given, else environment, file, default.

    Raises
    ------
    UsageError
        For a setting in the environment or file that cannot be.
    """
    file = _from_file()
    out = {}
    for name, default in DEFAULTS.items():
        flag = given.get(name, given.get(f"{name}_"))
        beneath = _from_environment(name)
        out[name] = flag if flag is not None else beneath if beneath is not None else file.get(name, default)
    if out["format"] not in {"table", "text", "json", "csv", "markdown"}:
        raise UsageError(f"format {out['format']!r} is not one of table, text, json, csv, markdown")
    return out
