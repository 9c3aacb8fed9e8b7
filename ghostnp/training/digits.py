"""Handwritten digits: 1797 real images of 8x8 pixels, small enough to travel with the package.

They are the test part of "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak (1998), UCI Machine
Learning Repository, https://doi.org/10.24432/C50P49, under the licence CC BY 4.0; unchanged but for the file format.
People wrote digits into forms; of 32x32 pixels in black and white the black ones of each 4x4 were counted, so a number
runs from 0 to 16.
"""

from hashlib import blake2b
from io import BytesIO
from pathlib import Path

import numpy as np

from ghostnp import files
from ghostnp.training.dataset import Part, dealt

_CHECKSUM = "a0562b46b8310c0c62fe2d14f5d0c0c5"  # of the file, so that a digit is never another one
FULL = 16  # black pixels in a square of 4x4


def read(path):
    """Images (1797, 8, 8) and labels (1797,) as they lie in the file `path`; ValueError if it is not what it was."""
    contents = files.read(path)
    if blake2b(contents, digest_size=16).hexdigest() != _CHECKSUM:
        raise ValueError(f"{path} is damaged: the rule is the file that comes with ghostnp, so install it again")
    with np.load(BytesIO(contents)) as arrays:
        return arrays["images"], arrays["labels"]


def load_digits(*, held_out=360, seed=0):
    """The digits, dealt out at random to train on and to be held out.

    Parameters
    ----------
    held_out : int, default 360
        How many of the 1797 are held out.
    seed : int or None, default 0
        Of the dealing. None keeps the file's order, in which the last digits are by other people than the first: a
        harder test, since no writer of the test images has been seen in training.

    Returns
    -------
    train, test : Part
        Images of 1x8x8 from 0 (paper) to 1 (ink), and labels from 0 to 9.

    Raises
    ------
    ValueError
        If nothing would be left to train on or to test with, or the file of the digits is damaged.
    """
    images, labels = read(Path(__file__).with_name("digits.npz"))
    return dealt(Part(images[:, None].astype(np.float32) / FULL, labels.astype(np.int64)), held_out, seed)
