"""Photos: every kind of pixel becomes (1, 3, H, W), and what is no photo is refused in one line."""

import os

import numpy as np
import pytest
from PIL import Image

from ghostnp.photo import PhotoError, denormalise, load_photo, normalise

pytestmark = pytest.mark.small
RED, GREEN, WHITE = (255, 0, 0), (0, 255, 0), (255, 255, 255)


def colours(path, size=8):
    x = load_photo(path, size=size)
    assert x.shape == (1, 3, size, size)
    assert x.dtype == np.float32
    assert x.flags.c_contiguous
    return np.round(255 * denormalise(x)).astype(int)


def save(image, path, **keywords):
    image.save(path, **keywords)
    return path


def test_bundled_photo_is_normalised_by_hand():
    x = load_photo()
    assert x.shape == (1, 3, 224, 224)
    # A corner of the sky, looked up in the file: (81, 138, 203) within what resizing does.
    assert np.allclose(x[0, :, 60, 215] * [0.229, 0.224, 0.225] + [0.485, 0.456, 0.406], [0.34, 0.54, 0.79], atol=0.08)


def test_normalise_is_undone():
    picture = np.random.default_rng(0).random((5, 7, 3), np.float32)
    np.testing.assert_allclose(denormalise(normalise(picture)), picture, atol=1e-6)


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("RGB", RED, RED),
        ("L", 51, (51, 51, 51)),
        ("1", 1, WHITE),
        ("CMYK", (0, 255, 255, 0), RED),
        ("RGBA", (255, 0, 0, 255), RED),
        ("RGBA", (255, 0, 0, 0), WHITE),
        ("LA", (0, 0), WHITE),
        ("I;16", 40_000, (156, 156, 156)),
        ("I;16B", 65_535, WHITE),
        ("I", 25_700, (100, 100, 100)),
        ("I", 2**31 - 1, WHITE),
        ("I", -5, (0, 0, 0)),
        ("F", 0.2, (51, 51, 51)),
        ("F", 51.0, (51, 51, 51)),
        ("F", 13_107.0, (51, 51, 51)),
        ("F", 1e30, WHITE),
        ("F", float("nan"), (0, 0, 0)),
        ("I;16", 0, (0, 0, 0)),
    ],
)
def test_every_kind_of_pixel(tmp_path, mode, value, expected):
    path = save(Image.new(mode, (20, 30), value), tmp_path / "photo.tif")
    assert (colours(path) == expected).all()


def test_palette_with_a_transparent_colour(tmp_path):
    image = Image.new("P", (8, 8))
    image.putpalette([*RED, *GREEN])
    image.putdata([0] * 32 + [1] * 32)
    seen = colours(save(image, tmp_path / "photo.png", transparency=1))
    assert (seen[:3] == RED).all()
    assert (seen[-3:] == WHITE).all()


def test_cmyk_jpeg(tmp_path):
    seen = colours(save(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), tmp_path / "photo.jpg"))
    assert np.abs(seen - RED).max() <= 3


def test_sixteen_bits_keep_their_shades(tmp_path):
    ramp = np.linspace(0, 65_535, 64, dtype=np.uint16).reshape(8, 8)
    seen = colours(save(Image.fromarray(ramp), tmp_path / "photo.png"))
    assert len(np.unique(seen)) > 32


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_eight_and_sixteen_bits_of_one_picture_are_one_picture(tmp_path, suffix):
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)  # a dark one: its brightest pixel is far from white
    eight = load_photo(save(Image.fromarray(grey), tmp_path / f"8.{suffix}"), size=8)
    sixteen = load_photo(save(Image.fromarray(grey * np.uint16(257)), tmp_path / f"16.{suffix}"), size=8)
    np.testing.assert_array_equal(sixteen, eight)
    np.testing.assert_array_equal(np.round(255 * denormalise(eight))[..., 0], grey)


@pytest.mark.parametrize(
    "note", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0nonsense" + bytes(99), b"\xff" * 9]
)
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_broken_notes_of_a_camera_say_nothing(tmp_path, suffix, note):
    image = Image.new("RGB", (16, 16), RED)
    if suffix == "tif":
        exif = Image.Exif()
        exif[0x0112] = 6000
        path = save(image, tmp_path / "photo.tif", exif=exif)
    else:
        path = save(image, tmp_path / f"photo.{suffix}", exif=note)
    assert np.abs(colours(path) - RED).max() <= 3


def test_every_way_to_hold_a_camera(tmp_path):
    upright = np.arange(24, dtype=np.uint8).reshape(4, 6).repeat(8, 0).repeat(8, 1) * 10
    held = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.T,
        6: upright.T[::-1], 7: upright.T[::-1, ::-1], 8: upright.T[:, ::-1],
    }  # fmt: skip
    for note, stored in held.items():
        exif = Image.Exif()
        exif[0x0112] = note
        path = save(Image.fromarray(np.ascontiguousarray(stored)), tmp_path / f"{note}.png", exif=exif)
        np.testing.assert_array_equal(colours(path, 32), colours(tmp_path / "1.png", 32), err_msg=str(note))


def test_the_camera_s_note_turns_the_photo(tmp_path):
    image = Image.new("RGB", (16, 16), GREEN)
    image.paste(RED, (0, 0, 16, 8))  # red above
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn me clockwise": what is above belongs to the right
    seen = colours(save(image, tmp_path / "photo.png", exif=exif))
    assert (seen[:, -3:] == RED).all()
    assert (seen[:, :3] == GREEN).all()


def test_the_middle_is_kept(tmp_path):
    image = Image.new("RGB", (90, 30), GREEN)
    image.paste(RED, (30, 0, 60, 30))
    seen = colours(save(image, tmp_path / "photo.png"))
    assert (seen[:, 1:-1] == RED).all()  # smooth interpolation looks over the edge a little


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
def test_tiny_and_narrow_photos_are_enlarged(tmp_path, size):
    path = save(Image.new("RGB", size, RED), tmp_path / "photo.png")
    assert (colours(path, 224) == RED).all()


def test_a_telephone_s_photo_is_no_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 80)
    assert colours(save(Image.new("RGB", (10, 10)), tmp_path / "photo.png")).max() == 0


def missing(folder):
    return folder / "nowhere.jpg"


def a_folder(folder):
    return folder


def text(folder):
    (folder / "text.jpg").write_text("no picture")
    return folder / "text.jpg"


def empty(folder):
    (folder / "empty.png").touch()
    return folder / "empty.png"


def truncated(folder, name="cut.jpg"):
    rng = np.random.default_rng(0)
    path = save(Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8)), folder / name)
    path.write_bytes(path.read_bytes()[:1000])
    return path


def truncated_png(folder):
    return truncated(folder, "cut.png")


def bomb(folder):
    # 20,000 x 20,000 pixels, of which the file holds none.
    path = save(Image.new("1", (1, 1)), folder / "bomb.bmp")
    data = bytearray(path.read_bytes())
    data[18:26] = (20_000).to_bytes(4, "little") * 2
    path.write_bytes(data)
    return path


def a_pipe(folder):
    os.mkfifo(folder / "pipe.jpg")
    return folder / "pipe.jpg"


def dds(folder):
    path = save(Image.new("RGB", (8, 8)), folder / "photo.dds")
    data = bytearray(path.read_bytes())
    data[76:92] = b"\xff" * 16  # of the pixels' format
    path.write_bytes(data)
    return path


def spider(folder):
    path = save(Image.new("F", (8, 8)), folder / "photo.spider", format="SPIDER")
    data = bytearray(path.read_bytes())
    data[:4] = b"\xff" * 4
    path.write_bytes(data)
    return path


def blp(folder):
    path = save(Image.new("P", (8, 8)), folder / "photo.blp")
    path.write_bytes(path.read_bytes()[:60])
    return path


def avif(folder):
    path = folder / "photo.avif"
    path.write_bytes(b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(100))
    return path


NO_PHOTOS = [missing, a_folder, text, empty, truncated, truncated_png, bomb, a_pipe, dds, spider, blp, avif]


@pytest.mark.parametrize("make", NO_PHOTOS)
def test_what_is_no_photo_is_refused_in_one_line(tmp_path, make):
    path = make(tmp_path)
    with pytest.raises(PhotoError) as refused:
        load_photo(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
