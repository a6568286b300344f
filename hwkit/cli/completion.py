"""`hwkit completion`: the completion script of a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command(epilog="Example: hwkit completion zsh > ~/.hwkit-completion, then 'source' it in your ~/.zshrc")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes hwkit's commands and options in SHELL."""
    kind = get_completion_class(shell)
    if kind is None:  # click has had all three since 8.0
        raise click.UsageError(f"click knows no completion for {shell}", ctx)
    click.echo(kind(ctx.find_root().command, {}, "hwkit", "_HWKIT_COMPLETE").source())
