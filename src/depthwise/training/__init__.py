"""Training: one readable loop over Hugging Face accelerate that can be killed at any moment and taken up again.

Importing this room imports torch, so callers import it inside the function that trains and turn a ModuleNotFoundError
into `errors.missing_extra`.
"""

from depthwise.training.beginning import begin, start_of, start_weights
from depthwise.training.evaluate import logits, one_thread, predict, prepared
from depthwise.training.loop import follow, train
from depthwise.training.plan import DEFAULT_EPOCHS, make_plan, measure_speed, stored_plan, trial_plan
from depthwise.training.recipe import Images, Plan, Settings, Split
from depthwise.training.rungs import trained_rungs
from depthwise.training.weights import load_network, load_weights, new_network

__all__ = [
    "DEFAULT_EPOCHS",
    "Images",
    "Plan",
    "Settings",
    "Split",
    "begin",
    "follow",
    "load_network",
    "load_weights",
    "logits",
    "make_plan",
    "measure_speed",
    "new_network",
    "one_thread",
    "predict",
    "prepared",
    "start_of",
    "start_weights",
    "stored_plan",
    "train",
    "trained_rungs",
    "trial_plan",
]
