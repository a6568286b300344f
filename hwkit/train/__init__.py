"""Training: the loop and what it needs, one noun a file.

config      what a training depends on        loader      its batches, one ahead
run         what changes while it lasts       checkpoint  that, in small files, whole at every moment
loop        learning, validation, going on    processes   several that train one network
noise       on the weights                    memory      what becomes of it when freed
product     the dtype of matrix products
"""

from hwkit.train.config import TrainConfig
from hwkit.train.loader import drawn
from hwkit.train.loop import learn, loss, train, validate
from hwkit.train.memory import TRIM_EVERY, flushed_denormals, keep_memory, trim_memory, usual_memory
from hwkit.train.product import product_dtype
from hwkit.train.run import LOG, STATE, forget, restore, save

__all__ = [
    "LOG",
    "STATE",
    "TRIM_EVERY",
    "TrainConfig",
    "drawn",
    "flushed_denormals",
    "forget",
    "keep_memory",
    "learn",
    "loss",
    "product_dtype",
    "restore",
    "save",
    "train",
    "trim_memory",
    "usual_memory",
    "validate",
]
