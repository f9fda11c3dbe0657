"""Where a value comes from when its flag is not given: the environment, then config.toml, then the default."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from imbalance import files
from imbalance.errors import UsageError
from imbalance_cli.context import NARROWEST
from imbalance_cli.formats import Format

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
    "no_store": False,
}
_KINDS: dict[str, type] = {
    "format": str, "venue": list, "interval": str, "lookback": str, "window": float, "band": list, "timeout": float,
    "strict": bool, "max_age": str, "color": bool, "ascii": bool, "width": int, "no_store": bool,
}  # fmt: skip
LONGEST_TIMEOUT_S = 86_400.0
NARROWEST_WINDOW_PCT = 0.01  # less is within the spread, and far less is no number that can be reckoned with
MOST_BYTES = 1_000_000
# What a number must lie between, both ends left out, and how that is told.
_BOUNDS: dict[str, tuple[float, float, str]] = {
    "window": (NARROWEST_WINDOW_PCT, 100.0, "lie between 0.01 and 100 (per cent)"),
    "timeout": (0.0, LONGEST_TIMEOUT_S, "lie between 0 and 86400 (seconds)"),
    "width": (NARROWEST - 1, math.inf, f"be at least {NARROWEST} (columns)"),
}
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}

ALERTS = "alerts"
ALERT_KINDS: dict[str, type] = {"when": str, "symbol": str, "cooldown": str, "notify": list}

TEMPLATE = """# Defaults of the imbalance command.
# Flags beat the environment (IMBALANCE_INTERVAL, ...), which beats this file.
# Keys and addresses of sources are read from the environment alone (IMBALANCE_COINGLASS_KEY, IMBALANCE_BINANCE_URL).

# format = "table"        # table | text | json | csv | markdown | html
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
# no_store = false        # true: live runs leave the local history alone

# [alerts.squeeze]        # imbalance check --alert squeeze
# when = "ratio.low > 1 and fear_greed <= 20"
# symbol = "BTC"
# cooldown = "6h"
# notify = ["mailtos://user:password@example.com"]
"""


def path() -> Path:
    """Return where config.toml is looked for (IMBALANCE_CONFIG, else the platform's place)."""
    given = os.environ.get("IMBALANCE_CONFIG")
    if given:
        return Path(given)
    import typer

    place = Path(typer.get_app_dir("imbalance"))
    # Of a place that is not absolute the XDG specification says that it is none.
    return (place if place.is_absolute() else Path.home() / ".config" / "imbalance") / "config.toml"


def alert(name: str) -> dict[str, Any]:
    """Return what the configuration says of an alert.

    Raises
    ------
    UsageError
        Where it names none so, or says what cannot be.
    """
    file = path()
    alerts = _from_file().get(ALERTS, {})
    if not isinstance(alerts, dict) or not isinstance(alerts.get(name), dict):
        known = ", ".join(alerts) if isinstance(alerts, dict) and alerts else "none"
        raise UsageError(f"{file} has no alert {name!r}", f"Known: {known}. Write [alerts.{name}] with when = ...")
    found: dict[str, Any] = alerts[name]
    for key, value in found.items():
        where = f"{file}: alerts.{name}.{key}"
        if key not in ALERT_KINDS:
            raise UsageError(f"{where}: unknown", f"Known: {', '.join(ALERT_KINDS)}.")
        texts = value if isinstance(value, list) else [value]
        if not isinstance(value, ALERT_KINDS[key]) or not all(isinstance(text, str) for text in texts):
            raise UsageError(f"{where} must be a {'list of texts' if key == 'notify' else 'text'}")
    if "when" not in found:
        raise UsageError(f"{file}: alerts.{name} does not say when")
    return found


def _from_file() -> dict[str, Any]:
    file = path()
    try:
        content = files.read(file, MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):  # the second where the home is no folder, as /dev/null
        return {}
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    import tomllib

    try:
        table = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:  # no text, or no TOML
        raise UsageError(f"{file}: {error}") from None
    for name, value in table.items():
        if name == ALERTS:
            continue
        if name not in _KINDS:
            raise UsageError(f"{file}: unknown setting {name!r}", f"Known: {', '.join(_KINDS)}.")
        kind = _KINDS[name]
        fits = isinstance(value, (int, float) if kind is float else kind) and (
            kind is bool or not isinstance(value, bool)
        )
        if not fits:
            raise UsageError(f"{file}: {name} must be a {kind.__name__}, not {value!r}")
        if kind is list and not all(isinstance(one, str) for one in value):
            raise UsageError(f"{file}: {name} must be a list of texts, not {value!r}")
        _require_bounds(f"{file}: {name}", name, value)
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
        value = kind(text)
    except ValueError:
        raise UsageError(f"{variable} must be a {kind.__name__}, not {text!r}") from None
    _require_bounds(variable, name, value)
    return value


def _require_bounds(where: str, name: str, value: Any) -> None:  # noqa: ANN401  the setting's own type
    if name in _BOUNDS:
        low, high, told = _BOUNDS[name]
        if not low < value < high:
            raise UsageError(f"{where} must {told}, not {value}")


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
        if flag is not None:
            _require_bounds(f"--{name}", name, flag)
        beneath = _from_environment(name)
        out[name] = flag if flag is not None else beneath if beneath is not None else file.get(name, default)
    if out["format"] not in [*Format]:
        raise UsageError(f"format {out['format']!r} is not one of {', '.join(Format)}")
    return out
