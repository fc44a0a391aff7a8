"""The best of lessons 05 and 06 outside Jupyter: from raw files to a submission.

    python -m scale.compete cifar-10
    accelerate launch --num_processes 8 -m scale.compete dog-breed-identification

A linear output layer is trained on the features of a pretrained network, and then, with --epochs,
all layers at a small rate. First on train, to be measured on valid; then anew on both, for the
submission. Stopped or killed, the same command goes on from the last epoch to the same result.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision.transforms import v2

from helpers import CourseError, data, kaggle, models, train
from helpers.models import LITE0
from helpers.train import accelerator
from scale import on_device

COMPETITIONS = ("cifar-10", "dog-breed-identification")
HEAD_EPOCHS, HEAD_RATE = 20, 2e-3


def main(argv: list[str] | None = None) -> None:
    asked = make_parser().parse_args(argv)
    try:
        run(asked)
        accelerator().end_training()  # several processes: nobody leaves while others still talk
    except CourseError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Stopped. The same command goes on from the last whole epoch.")


def make_parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("scale.compete", description=__doc__, formatter_class=raw)
    add = parser.add_argument
    add("competition", choices=COMPETITIONS)
    add("--size", choices=data.SIZES, default="full", help="of the data (full)")
    add("--pictures", type=int, help="so many of the labelled pictures (all)")
    add("--network", default=LITE0, help=f"of torchvision or timm ({LITE0})")
    add("--pixels", type=int, help="side of what the network gets (CIFAR-10 96, dogs 224)")
    add("--epochs", type=int, help="of training all layers (CIFAR-10 2, dogs 0)")
    add("--rate", type=float, default=1e-4, help="the learning rate in these (1e-4)")
    add("--batch", type=int, default=32, help="pictures in a step, of all processes (32)")
    add("--seed", type=int, default=0)
    add("--out", type=Path, help="folder of checkpoints and submission (build/COMPETITION)")
    return parser


def run(asked: argparse.Namespace) -> None:
    """Organise, load, learn twice, hand in. Every process comes along; the first one writes."""
    small = asked.competition == "cifar-10"  # its pictures have 32 pixels
    asked.pixels = asked.pixels or (96 if small else 224)
    asked.epochs = (2 if small else 0) if asked.epochs is None else asked.epochs
    out = asked.out or data.FOLDER.parent / "build" / asked.competition
    processes = accelerator()
    with processes.main_process_first():
        root = data.find(asked.competition, asked.size)
        folder = kaggle.organize(root, valid_fraction=0.2)
        start_or_go_on(out, asked, (folder / kaggle.STAMP).read_text())
        wants = models.load_pretrained(asked.network, size=asked.pixels).preprocess
        wants = replace(wants, size=32, resize=32) if small else wants
        parts = kaggle.load(folder, wants, first=asked.pictures)

    held_out = set(parts.valid.files)
    is_train = torch.tensor([file not in held_out for file in parts.train_valid.files])
    rows = features(parts.train_valid, asked, out)
    net = learn(parts.train, rows[is_train], asked, out / "train")
    scores = train.evaluate(net, batches(parts.valid, asked))
    processes.print(f"valid: accuracy {scores['accuracy']:.4f}, log-loss {scores['loss']:.4f}, "
                f"n = {scores['n']}")  # fmt: skip
    net = learn(parts.train_valid, rows, asked, out / "train_valid")
    probabilities = train.predict(net, batches(parts.test, asked))
    if processes.is_main_process:
        hand_in(probabilities, parts, root, asked, out / "submission.csv")


def start_or_go_on(out: Path, asked: argparse.Namespace, pictures: str) -> None:
    """A run goes on with the options and the pictures (their digest) that it was started with."""
    options = {k: v for k, v in vars(asked).items() if k != "out"} | {"digest": pictures}
    file = out / "options.json"
    if not file.exists():
        out.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(options, indent=1))
    elif json.loads(file.read_text()) != options:
        raise CourseError(
            f"{out} holds a run with other options or pictures (see options.json there): give the "
            "same ones to go on with it, or another folder as --out."
        )


def network(asked: argparse.Namespace, class_names: list[str] | None = None) -> nn.Module:
    """The pretrained network; small pictures are enlarged inside it, as in lesson 05."""
    net = models.load_pretrained(asked.network, size=asked.pixels)
    if asked.competition == "cifar-10":
        net = nn.Sequential(nn.Upsample(size=asked.pixels, mode="bicubic"), net)
    return models.replace_head(net, class_names) if class_names else net


def features(pictures: data.Pictures, asked: argparse.Namespace, out: Path) -> torch.Tensor:
    """The features of all labelled pictures, (N, D), computed once and kept."""
    file = out / "features.pt"
    if not file.exists():
        found = train.extract_features(network(asked), batches(pictures, asked))[0]
        if accelerator().is_main_process:
            torch.save(found, out / "features.part")
            os.replace(out / "features.part", file)
    accelerator().wait_for_everyone()
    return torch.load(file, weights_only=True)


def learn(pictures: data.Pictures, rows: torch.Tensor, asked, name: Path) -> nn.Module:
    """The output layer on the features, then all layers on augmented pictures."""
    torch.manual_seed(asked.seed)
    net = models.keep_statistics(network(asked, pictures.class_names))
    head = models.output_layer(net)[1]
    known = DataLoader(TensorDataset(rows, pictures.labels), asked.batch, shuffle=True)
    fit(head, known, HEAD_EPOCHS, HEAD_RATE, asked.seed, f"{name}_head.pt", quiet=True)
    if asked.epochs:
        augmented = batches(pictures, asked, learning=True)
        fit(net, augmented, asked.epochs, asked.rate, asked.seed, f"{name}.pt")
    return net


def on_gpu() -> bool:
    return accelerator().device.type != "cpu"


def batches(pictures: data.Pictures, asked, learning: bool = False) -> DataLoader:
    """Batches of the centres or, for learning, shuffled and augmented; made on the GPU, if any."""
    augment = (cuts_of_a_batch if on_gpu() else cuts)(asked) if learning else None
    if on_gpu():
        device = accelerator().device
        return on_device.loader(
            pictures, asked.batch, device=device, shuffle=learning, augment=augment
        )
    return data.loader(pictures, asked.batch, shuffle=learning, augment=augment)


def cuts(asked: argparse.Namespace) -> nn.Module:
    """Of one picture: mirrored, and moved (CIFAR-10) or a part of it enlarged."""
    if asked.competition == "cifar-10":
        cut = v2.RandomCrop(32, padding=4)
    else:
        cut = v2.RandomResizedCrop(asked.pixels, scale=(0.35, 1))
    return v2.Compose([cut, v2.RandomHorizontalFlip()])


def cuts_of_a_batch(asked: argparse.Namespace) -> on_device.Augment:
    if asked.competition == "cifar-10":
        return on_device.shift_and_mirror
    return partial(on_device.cut_and_mirror, size=asked.pixels, scale=(0.35, 1))


def fit(net: nn.Module, batches, epochs: int, rate: float, seed: int, file: str, quiet=False):
    """`train.fit` with AdamW; the rate rises for a tenth of the steps, then falls to nothing."""
    optimizer = torch.optim.AdamW(net.parameters(), rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, epochs * len(batches), pct_start=0.1, cycle_momentum=False
    )
    history = train.fit(
        net, batches, None, optimizer, epochs,
        scheduler=schedule, seed=seed, checkpoint=file, quiet=quiet,
    )  # fmt: skip
    if len(history.epochs) < epochs:
        raise KeyboardInterrupt  # fit keeps it to itself, for notebooks


def hand_in(probabilities, parts: kaggle.Parts, root: Path, asked, path: Path) -> None:
    """Write and validate the submission; score it where the answers are known."""
    sample, names = kaggle.find_sample(root), parts.train.class_names
    ids = kaggle.test_ids(parts.test, sample)
    if asked.competition == "cifar-10":
        answers = [names[i] for i in probabilities.argmax(1)]
    else:
        answers = dict(zip(names, probabilities.T.numpy(), strict=True))
    kaggle.write_submission(ids, answers, sample, path)
    print(f"{path}: {kaggle.validate_submission(path, sample)}")
    known = kaggle.find_answers(asked.competition, asked.size)
    if known:
        print("test:", ", ".join(f"{k} {v:.4g}" for k, v in kaggle.score(path, known).items()))


if __name__ == "__main__":
    main()
