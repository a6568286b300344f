"""Connectionist temporal classification (Graves et al. 2006): what frames say, and how sure they are of a text.

A path names a class in every frame: BLANK or a character. Its text is what is left when repetitions are drawn
together and blanks taken out, so between two equal characters there must be a blank. The probability of a
text is the sum over its paths. `log_probabilities` are (frames, classes) throughout, in nats.
"""

from __future__ import annotations

import numpy as np

from hwkit.ink import Floats, Ints

BLANK = 0


def nats(log_probabilities: Floats, classes: Ints) -> float:
    """-log p(text): the forward recursion over all paths. inf where the frames cannot hold the text."""
    scores, skip = _states(log_probabilities, classes)
    if not len(scores):
        return 0.0 if not len(classes) else np.inf
    alpha = np.full(scores.shape[1] + 2, -np.inf)  # two that nothing comes from, then the states
    alpha[2:4] = scores[0, :2]
    for row in scores[1:]:
        alpha[2:] = np.logaddexp(np.logaddexp(alpha[2:], alpha[1:-1]), alpha[:-2] + skip) + row
    # The last state is a blank, the one before it the last character; a text without any has the blank alone.
    return -float(np.logaddexp.reduce(alpha[-2:] if len(classes) else alpha[-1:]))


def align(log_probabilities: Floats, classes: Ints) -> Ints:
    """(characters, 2): the first frame of each character on the likeliest path of the text, and the one after
    its last. Raises ValueError where the frames cannot hold the text.
    """
    scores, skip = _states(log_probabilities, classes)
    spans = np.zeros((len(classes), 2), np.int64)
    if not len(classes):
        return spans
    if len(scores) < least_frames(classes):
        raise ValueError(f"{len(scores)} frames cannot hold {len(classes)} characters")
    back = np.zeros(scores.shape, np.int64)
    best = np.full(scores.shape[1] + 2, -np.inf)
    best[2:4] = scores[0, :2]
    for t in range(1, len(scores)):
        before = np.stack([best[2:], best[1:-1], best[:-2] + skip])
        back[t] = before.argmax(0)
        best[2:] = before.max(0) + scores[t]
    state = scores.shape[1] - 1
    if best[-2] >= best[-1]:
        state -= 1
    for t in range(len(scores) - 1, -1, -1):
        if state % 2:
            spans[state // 2, 0] = t
            spans[state // 2, 1] = spans[state // 2, 1] or t + 1
        state -= back[t, state]
    return spans


def best_path(log_probabilities: Floats) -> Ints:
    """The text of the likeliest path, as classes.

    A search for the likeliest text, over all paths of each, takes far longer and reads no better.
    """
    path: Ints = log_probabilities.argmax(1) if len(log_probabilities) else np.zeros(0, np.int64)
    begins = (path != BLANK) & (path != np.append(BLANK, path[:-1]))
    return np.asarray(path[begins], np.int64)


def least_frames(classes: Ints) -> int:
    """How many frames a text needs: one a character, and one between equal neighbours."""
    return len(classes) + int((classes[1:] == classes[:-1]).sum())


def _states(log_probabilities: Floats, classes: Ints) -> tuple[Floats, Floats]:
    """Scores (frames, 2 U + 1) of the states of a text: blank, character, blank, ..., blank; and what it costs
    to come to each from the state but one before it: nothing, or inf where that is not allowed.
    """
    labels = np.full(2 * len(classes) + 1, BLANK, np.int64)
    labels[1::2] = classes
    skip = np.full(len(labels), -np.inf)
    skip[3::2][classes[1:] != classes[:-1]] = 0.0
    if not len(log_probabilities):
        return np.zeros((0, len(labels))), skip
    return log_probabilities[:, labels], skip
