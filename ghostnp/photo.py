"""A photo as a network takes it: the middle square, each colour shifted and scaled, as (1, 3, H, W) in float32."""

import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from ghostnp.files import open_file

# Mean and standard deviation of red, green and blue over ImageNet's training photos, on a scale from 0 to 1: what the
# published weights of GhostNet, and of most networks since ResNet, were trained with.
# https://docs.pytorch.org/vision/stable/models.html
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)

# What a camera notes of how it was held, and what undoes it.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Which number is white, the first that no pixel exceeds: integers are of 16 bits, which Pillow may have put into 32; of
# floats nothing is known, and most are from 0 to 1.
_WHITES = {"I": (65_535,), "F": (1, 255, 65_535)}


class PhotoError(ValueError):
    """A photo that cannot be read; one line says why."""


def load_photo(path=None, *, size=224):
    """Read a photo: its largest centred square, upright, `size` pixels wide, normalised.

    Parameters
    ----------
    path : str or Path, optional
        Any image that Pillow reads. By default the portrait of Grace Hopper that comes with matplotlib.
    size : int, default 224
        Height and width of the result. Smaller photos are enlarged.

    Returns
    -------
    ndarray
        Shape (1, 3, size, size), float32: (colour - `MEAN`) / `STD`, colours from 0 to 1.

    Raises
    ------
    PhotoError
        If there is no such file, or it is no image that can be read; one line says which.
    """
    return normalise(read_colours(bundled_photo() if path is None else Path(path), lambda image: _square(image, size)))


def read_colours(path, cut):
    """Read an image, upright and in red, green and blue.

    Parameters
    ----------
    path : Path
        Of the file.
    cut : callable
        From the Pillow image to the part of it that is wanted, in the size that is wanted.

    Returns
    -------
    ndarray
        Shape (H, W, 3), float32, colours from 0 to 1.

    Raises
    ------
    PhotoError
        If there is no such file, or it is no image that can be read; one line says which.
    """
    try:
        with open_file(path) as file, warnings.catch_warnings():
            # Pillow warns of what is odd in a file, and from 90 megapixels on, which today's telephones reach.
            warnings.simplefilter("ignore")
            with Image.open(file) as opened:
                image = _upright_rgb(opened)
    except FileNotFoundError:
        raise PhotoError(f"no photo at {path}: the rule is the path of an image file, such as photo.jpg") from None
    except IsADirectoryError:
        raise PhotoError(f"{path} is a folder: the rule is one image file, such as {path / 'photo.jpg'}") from None
    except (Image.DecompressionBombError, MemoryError) as error:
        raise PhotoError(f"{path} has too many pixels, so shrink it first ({_first_line(error)})") from None
    except Exception as error:
        # Pillow has a decoder for each of fifty formats, and of a file that lies each hands on whatever went wrong.
        raise PhotoError(f"{path} is no image that can be read ({_first_line(error)})") from None
    if 0 in image.size:
        raise PhotoError(f"{path} is no image that can be read (it has no pixels)")
    return np.asarray(cut(image), np.float32) / 255


def normalise(colours):
    """Colours (H, W, 3) from 0 to 1 as the array (1, 3, H, W) that a network takes."""
    return np.ascontiguousarray(((colours - MEAN) / STD).transpose(2, 0, 1)[None])


def denormalise(x):
    """The way back: colours (H, W, 3) from 0 to 1 of the first image in `x` (N, 3, H, W)."""
    return np.clip(x[0].transpose(1, 2, 0) * STD + MEAN, 0, 1)


def bundled_photo():
    """Where the portrait of Grace Hopper lies that comes with matplotlib."""
    matplotlib = find_spec("matplotlib")  # where it is; nothing of it has to run
    assert matplotlib is not None
    assert matplotlib.origin is not None
    return Path(matplotlib.origin).with_name("mpl-data") / "sample_data" / "grace_hopper.jpg"


def _upright_rgb(image):
    """Turn `image` as its camera noted, and bring any kind of pixel to red, green and blue."""
    turn = _TURNS.get(_orientation(image))
    image = image if turn is None else image.transpose(turn)
    if image.mode.startswith(("I", "F")):  # more than 8 bits: Pillow would cut off all above 255
        values = np.nan_to_num(np.asarray(image, np.float64), posinf=0, neginf=0).clip(0)
        white = next(
            (white for white in _WHITES[image.mode[0]] if values.max(initial=0) <= white), values.max(initial=0)
        )
        return Image.fromarray(np.uint8(np.rint(255 * (values / white)))).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _orientation(image):
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # whatever went wrong in broken notes: the pixels are good without
        return None


def _square(image, size):
    """Cut and resize in one go, so that a long narrow image never becomes a huge one in between."""
    side = min(image.size)
    left, top = ((length - side) / 2 for length in image.size)
    return image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))


def _first_line(error):
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
