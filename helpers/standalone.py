"""Says what a picture shows: `python -m FOLDER picture.jpg ...`, in the folder around FOLDER.

Needs onnxruntime, numpy and Pillow; neither PyTorch nor the course.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def square(file: str, size: int, resize: int, interpolation: str):
    """Returns the central square of a picture file, uint8 (1, 3, size, size)."""
    import numpy as np
    from PIL import Image, ImageOps

    with Image.open(file) as picture:
        picture = ImageOps.exif_transpose(picture).convert("RGB")
    w, h = picture.size
    short = min(w, h)
    box = ((w - short) / 2, (h - short) / 2, (w + short) / 2, (h + short) / 2)
    how = Image.Resampling[interpolation.upper()]
    edge = round((resize - size) / 2)
    pixels = np.asarray(picture.resize((resize, resize), how, box=box))
    return pixels[edge : edge + size, edge : edge + size].transpose(2, 0, 1)[None]


def main(files: list) -> int:
    try:
        import onnxruntime
    except ImportError:
        sys.exit("onnxruntime is not installed: write `pip install onnxruntime numpy pillow`.")
    if not files:
        sys.exit(f"Name a picture: python -m {HERE.name} picture.jpg")
    about = json.loads((HERE / "labels.json").read_text(encoding="utf-8"))
    names, unsure = about.pop("names"), about.pop("unsure")
    network = onnxruntime.InferenceSession(str(HERE / "network.onnx"))
    status = 0
    for file in files:
        try:
            pixels = square(file, **about)
        except Exception as error:  # Pillow raises many kinds
            print(f"{file} cannot be read as a picture ({error}): save it as JPEG.")
            status = 1
            continue
        (said,) = network.run(None, {"pixels": pixels})
        best = int(said[0].argmax())
        sure = float(said[0, best])
        answer = names[best] if sure >= unsure else f"I do not know (perhaps {names[best]})"
        print(f"{file}: {answer}, {sure:.0%}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
