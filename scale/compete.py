"""The best of lessons 05, 06 and 08 outside Jupyter: from raw files to a submission.

    python -m scale.compete cifar-10
    accelerate launch --num_processes 8 -m scale.compete dog-breed-identification

A linear output layer is trained on the features of a pretrained network, and then, with --epochs,
all layers at a small learning rate. First on train, to measure on valid; then again on both, for
the submission. If killed, the same command resumes from the last epoch to the same result.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision.transforms import v2

from helpers import CourseError, data, kaggle, models, require, train
from helpers.checkpoints import differences
from helpers.data import Pictures
from helpers.files.atomic import atomic, fingerprint, unwritable
from helpers.files.tables import read_table
from helpers.models import LITE0
from helpers.processes import accelerator
from helpers.recipe import warmup_cosine
from scale import on_device

CIFAR = "cifar-10"  # its pictures have 32 pixels
COMPETITIONS = {  # pixels, epochs of all layers, unless given
    CIFAR: (96, 2),
    "dog-breed-identification": (224, 0),
    "classify-leaves": (224, 2),
}
HEAD_EPOCHS, HEAD_RATE = 20, 2e-3
LEAST = {"pictures": 2, "pixels": 1, "epochs": 0, "batch": 1, "seed": 0}  # of the options
Options = argparse.Namespace  # from `read_options`


def main(argv: list[str] | None = None) -> None:
    try:
        options = read_options(argv)
        compete(options)
        accelerator().end_training()  # no process exits while others still communicate
    except CourseError as error:
        sys.exit(str(error))
    except OSError as error:
        if error.filename is None:  # about no file
            raise
        sys.exit(str(unwritable(options.out, error, "give another folder as --out")))
    except KeyboardInterrupt:
        sys.exit("Stopped. The same command resumes from the last complete epoch.")


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        self.exit(2, f"{self.prog}: {message}; add --help to see the options.\n")


def read_options(argv: list[str] | None) -> Options:
    """Returns the options; raises CourseError if a number is out of its range."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser("scale.compete", description=__doc__, formatter_class=raw)
    add = parser.add_argument
    add("competition", choices=COMPETITIONS)
    add("--size", choices=data.SIZES, default="full", help="size of the data (full)")
    add("--pictures", type=int, help="number of labelled pictures to use (all)")
    add("--network", default=LITE0, help=f"a torchvision or timm network ({LITE0})")
    add("--pixels", type=int, help="side of the network's input (CIFAR-10 96, else 224)")
    add("--epochs", type=int, help="epochs of training all layers (2, dogs 0)")
    add("--rate", type=float, default=1e-4, help="their peak learning rate (1e-4)")
    add("--batch", type=int, default=32, help="pictures per step, over all processes (32)")
    add("--seed", type=int, default=0)
    add("--out", type=Path, help="folder for checkpoints and submission (build/COMPETITION)")
    options = parser.parse_args(argv)
    for name, least in LEAST.items():
        if (value := getattr(options, name)) is not None:
            require.whole(value, f"--{name}", least)
    if not 0 < options.rate <= 1:  # nor nan
        raise CourseError(
            f"--rate is {options.rate}: give a number above 0 and up to 1, such as 1e-4."
        )
    pixels, epochs = COMPETITIONS[options.competition]
    options.pixels = pixels if options.pixels is None else options.pixels
    options.epochs = epochs if options.epochs is None else options.epochs
    options.out = options.out or data.FOLDER.parent / "build" / options.competition
    return options


def compete(options: Options) -> None:
    """Organises, loads, trains twice, hands in. Every process runs this; only the first writes."""
    processes = accelerator()
    with processes.main_process_first():
        root = data.find(options.competition, options.size)
        table = kaggle.split(root, valid_fraction=0.2)
        parts = kaggle.load(table, preprocess(options), first=options.pictures)
        if options.pictures and not (len(parts.train) and len(parts.valid)):
            raise CourseError(
                f"With --pictures {options.pictures}, training or validation gets no picture: give "
                f"more, such as {10 * len(parts.train.class_names)}."
            )
        start_or_go_on(options, fingerprint(table["file"], table.to_csv()))

    held_out = set(parts.valid.files)
    is_train = torch.tensor([file not in held_out for file in parts.train_valid.files])
    features = extract_once(parts.train_valid, options)
    net = learn(parts.train, features[is_train], options, "train")
    scores = train.evaluate(net, batches(parts.valid, options))
    processes.print("valid: accuracy {accuracy:.4f}, log-loss {loss:.4f}, n = {n}".format(**scores))
    net = learn(parts.train_valid, features, options, "train_valid")
    probabilities = train.predict(net, batches(parts.test, options))
    if processes.is_main_process:
        hand_in(probabilities, parts, root, options)


def start_or_go_on(options: Options, digest: str) -> None:
    """Raises CourseError if the run in this folder began with other options or pictures."""
    settings = {k: v for k, v in vars(options).items() if k != "out"} | {"digest": digest}
    file = options.out / "options.json"
    if not file.exists():
        with atomic(file) as part:
            part.write_text(json.dumps(settings, indent=1))
        return
    what = differences(json.loads(file.read_text()), settings)
    if what:
        raise CourseError(
            f"{options.out} holds a run with other options or pictures ({what}): give the same "
            "ones to resume it, or another folder as --out."
        )


def preprocess(options: Options) -> data.Preprocess:
    original = models.load_pretrained(options.network, size=options.pixels).preprocess
    return replace(original, size=32, resize=32) if options.competition == CIFAR else original


def network(options: Options, class_names: list[str] | None = None) -> nn.Module:
    """Returns the pretrained network; small pictures are enlarged inside it, as in lesson 05."""
    net = models.load_pretrained(options.network, size=options.pixels)
    if options.competition == CIFAR:
        net = nn.Sequential(nn.Upsample(size=options.pixels, mode="bicubic"), net)
    return models.replace_head(net, class_names) if class_names else net


def extract_once(pictures: Pictures, options: Options) -> Tensor:
    """Returns the features of all labelled pictures, (N, D), from a file if it exists."""
    file = options.out / "features.pt"
    if not file.exists():
        features, _ = train.extract_features(network(options), batches(pictures, options))
        if accelerator().is_main_process:
            with atomic(file) as part:
                torch.save(features, part)
    accelerator().wait_for_everyone()
    return torch.load(file, weights_only=True)


def learn(pictures: Pictures, features: Tensor, options: Options, name: str) -> nn.Module:
    """Trains the output layer on the features, then all layers on augmented pictures.

    name: prefix of the checkpoints, NAME_head.pt and NAME.pt.
    """
    torch.manual_seed(options.seed)
    net = models.keep_statistics(network(options, pictures.class_names))
    head = models.output_layer(net)[1]
    rows = DataLoader(TensorDataset(features, pictures.labels), options.batch, shuffle=True)
    file = options.out / f"{name}_head.pt"
    fit(head, rows, HEAD_EPOCHS, HEAD_RATE, seed=options.seed, checkpoint=file, quiet=True)
    if options.epochs:
        augmented, file = batches(pictures, options, augmented=True), options.out / f"{name}.pt"
        fit(net, augmented, options.epochs, options.rate, seed=options.seed, checkpoint=file)
    return net


def on_gpu() -> bool:
    return accelerator().device.type != "cpu"


def batches(pictures: Pictures, options: Options, augmented: bool = False) -> DataLoader:
    """Returns batches of centre crops, or of shuffled and augmented pictures.

    They are made on the GPU if there is one.
    """
    if on_gpu():
        load, augment = partial(on_device.loader, device=accelerator().device), augment_batch
    else:
        load, augment = data.loader, augment_picture
    transform = augment(options) if augmented else None
    return load(pictures, options.batch, shuffle=augmented, augment=transform)


def augment_picture(options: Options) -> nn.Module:
    """Returns a transform that mirrors a picture and shifts (CIFAR-10) or crops it."""
    if options.competition == CIFAR:
        cut = v2.RandomCrop(32, padding=4)
    else:
        cut = v2.RandomResizedCrop(options.pixels, scale=(0.35, 1))
    return v2.Compose([cut, v2.RandomHorizontalFlip()])


def augment_batch(options: Options) -> on_device.Augment:
    """Returns the same for a whole batch."""
    if options.competition == CIFAR:
        return on_device.shift_and_mirror
    return partial(on_device.cut_and_mirror, size=options.pixels, scale=(0.35, 1))


def fit(net: nn.Module, batches: DataLoader, epochs: int, rate: float, **options) -> None:
    """Trains with AdamW; the rate warms up for a tenth of the steps, then decays to almost 0."""
    optimizer = torch.optim.AdamW(net.parameters(), rate, fused=True)
    schedule = warmup_cosine(optimizer, epochs * len(batches))
    history = train.fit(net, batches, None, optimizer, epochs, scheduler=schedule, **options)
    if len(history.epochs) < epochs:
        raise KeyboardInterrupt  # train.fit catches it, for notebooks


def hand_in(probabilities: Tensor, parts: kaggle.Parts, root: Path, options: Options) -> None:
    """Writes and validates the submission, and scores it where the answers are known."""
    sample, names = kaggle.find_sample(root), parts.train.class_names
    ids, file = kaggle.test_ids(parts.test, sample), options.out / "submission.csv"
    if len(read_table(sample).columns) > 2:  # a column per class
        answers = dict(zip(names, probabilities.T.numpy(), strict=True))
    else:
        answers = [names[i] for i in probabilities.argmax(1)]
    kaggle.write_submission(ids, answers, sample, file)
    print(f"{file}: {kaggle.validate_submission(file, sample)}")
    known = kaggle.find_answers(options.competition, options.size)
    if known:
        print("test:", ", ".join(f"{k} {v:.4g}" for k, v in kaggle.score(file, known).items()))


if __name__ == "__main__":
    main()
