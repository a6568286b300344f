"""One's own defaults: `~/.config/hwkit.toml`, a table a command, a key an option without its dashes.

    [write]
    style = "maple"
    page = "a4"
    line-height = 9

HWKIT_CONFIG names another file; an empty one names none.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import click

from hwkit.errors import InputError


def file() -> Path | None:
    """Where the settings are, or would be; None where they are turned off."""
    named = os.environ.get("HWKIT_CONFIG")
    if named is not None:
        return Path(named) if named else None
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return Path(base) / "hwkit.toml"


def defaults(name: str, command: click.Command, commands: Collection[str]) -> dict[str, Any]:
    """The defaults of a command, by the names of its parameters.

    Raises InputError for a file that is no TOML, and for tables and keys that name nothing.
    """
    path = file()
    try:
        content = path.read_text(encoding="utf-8") if path else ""
    except FileNotFoundError:
        if "HWKIT_CONFIG" in os.environ:
            raise InputError("there is no such file", file=path, do="correct HWKIT_CONFIG") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", file=path, do="correct it or remove it") from error
    if not content.strip():
        return {}
    import tomllib

    try:
        tables = tomllib.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no TOML: {error}", file=path, do="correct it or remove it") from error
    if strange := [table for table in tables if table not in commands]:
        raise InputError(f"there is no command {strange[0]!r}", file=path, do="correct it or remove it")
    table = tables.get(name, {})
    if not isinstance(table, dict):
        raise InputError(f"{name} is no table", file=path, do=f"write [{name}] and its keys below")
    options = {
        option.removeprefix("--"): parameter
        for parameter in command.params
        if isinstance(parameter, click.Option) and parameter.name
        for option in parameter.opts
        if option.startswith("--")
    }
    found: dict[str, Any] = {}
    for key, value in table.items():
        parameter = options.get(key.replace("_", "-"))
        if parameter is None:
            raise InputError(f"hwkit {name} has no option --{key}", file=path, row=f"[{name}]")
        if isinstance(value, (dict, list)):
            raise InputError(f"{key} is no single value", file=path, row=f"[{name}]")
        text = str(value)  # read as on the command line
        try:
            parameter.process_value(click.Context(command), text)
        except click.BadParameter as error:
            raise InputError(f"{key}: {error.message.rstrip('.')}", file=path, row=f"[{name}]") from error
        found[parameter.name or key] = text
    return found
