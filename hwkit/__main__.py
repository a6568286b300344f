"""`python -m hwkit` is `hwkit`; torchrun starts it so."""

import os
import sys

from hwkit.cli import main


def run() -> None:
    """Run the command line and end the process with its exit code."""
    code = main()
    if "TORCHELASTIC_RUN_ID" in os.environ:
        # gloo's threads outlive their process group where torch.optim was imported in it, and one that lets
        # go of a tensor while the interpreter is taken down aborts the process. So it is not taken down.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    raise SystemExit(code)


if __name__ == "__main__":
    run()
