"""`python -m hwkit` is `hwkit`."""

from hwkit.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
