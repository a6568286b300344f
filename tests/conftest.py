"""What all tests share: one thread, so that sums come out the same, and the same examples every time."""

from __future__ import annotations

import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("hwkit", deadline=None, derandomize=True)
settings.load_profile("hwkit")
