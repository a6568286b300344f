"""What all tests share: one thread, the same examples every time, and nobody's own settings."""

from __future__ import annotations

import os

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)  # so that sums come out the same
os.environ["HWKIT_CONFIG"] = ""
settings.register_profile("hwkit", deadline=None, derandomize=True)
settings.load_profile("hwkit")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--refresh-goldens", action="store_true", help="write tests/goldens anew from what is drawn now"
    )
