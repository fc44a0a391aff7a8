"""What goes wrong in the exercises of lesson 07, and words of the diagnosis that it must get."""

import copy

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate, pad

from tests.classroom.wrong_answers.styles import letters, numbers, returning, right


def proper_six(pictures):
    every = torch.cat([p.flatten(1) for p in pictures], 1) / 255
    return every.mean(1), every.std(1)


def six_by_sums(pictures):
    n, total, squares = 0, torch.zeros(3), torch.zeros(3)
    for picture in pictures:
        pixels = picture.float() / 255
        n += pixels[0].numel()
        total += pixels.sum((1, 2))
        squares += (pixels**2).sum((1, 2))
    mean = total / n
    return mean, (squares / n - mean**2).sqrt()


def six_in_numpy(pictures):
    channels = [np.concatenate([p[c].numpy().ravel() for p in pictures]) / 255 for c in range(3)]
    return [c.mean() for c in channels], [c.std() for c in channels]


def six_by_variance(pictures):
    """The variance within pictures and the one between them."""
    rows = [p.double().flatten(1) / 255 for p in pictures]
    n = torch.tensor([row.shape[1] for row in rows])
    share = (n / n.sum())[:, None]
    means = torch.stack([row.mean(1) for row in rows])
    mean = (share * means).sum(0)
    inside = torch.stack([row.var(1, correction=0) for row in rows])
    return mean, (share * (inside + (means - mean) ** 2)).sum(0).sqrt()


def picture_by_picture(pictures):
    rows = [p.flatten(1) / 255 for p in pictures]
    return (torch.stack([r.mean(1) for r in rows]).mean(0),
            torch.stack([r.std(1) for r in rows]).mean(0))  # fmt: skip


def deviations_averaged(pictures):
    return proper_six(pictures)[0], picture_by_picture(pictures)[1]


def deviation_of_means(pictures):
    means = torch.stack([p.float().mean((1, 2)) / 255 for p in pictures])
    return means.mean(0), means.std(0)


def all_channels(pictures):
    every = torch.cat([p.flatten() for p in pictures]) / 255
    return every.mean().repeat(3), every.std().repeat(3)


def proper_shares(logits, here, there):
    return (logits + (there / here).log()).argmax(1)


def shares_by_probabilities(logits, here, there):
    p = logits.softmax(1) * there / here
    return (p / p.sum(1, keepdim=True)).max(1).indices


def shares_in_numpy(logits, here, there):
    return np.argmax(logits.numpy() - np.log(here.numpy()) + np.log(there.numpy()), axis=1)


def shares_in_a_loop(logits, here, there):
    move = [float(np.log(b) - np.log(a)) for a, b in zip(here, there, strict=True)]
    return [int(np.argmax([z + m for z, m in zip(row, move, strict=True)])) for row in logits]


def folded(weight, shift):
    """A solution that makes the new weights and what the bias loses by these rules."""

    def fold(conv, mean, std):
        new = nn.Conv2d(3, conv.out_channels, conv.kernel_size, conv.stride)
        m, s = mean.view(1, 3, 1, 1), std.view(1, 3, 1, 1)
        w, old = conv.weight.detach(), 0 if conv.bias is None else conv.bias.detach()
        new.weight.data, new.bias.data = weight(w, s), old - shift(w, m, s).sum((1, 2, 3))
        return new

    return fold


proper_fold = folded(lambda w, s: w / s, lambda w, m, s: w * m / s)


@torch.no_grad()
def folded_in_a_copy(conv, mean, std):
    new = copy.deepcopy(conv)
    new.weight /= std[:, None, None]
    shift = torch.einsum("ochw,c->o", new.weight, mean)
    new.bias = nn.Parameter((torch.zeros(len(shift)) if conv.bias is None else conv.bias) - shift)
    return new


@torch.no_grad()
def folded_by_asking(conv, mean, std):
    """The bias is what the convolution says to black."""
    new = nn.Conv2d(3, conv.out_channels, conv.kernel_size, conv.stride)
    black = (-mean / std)[None, :, None, None].expand(1, 3, *conv.kernel_size)
    new.weight.copy_(conv.weight / std.view(-1, 1, 1))
    new.bias.copy_(conv(black).flatten())
    return new


def folded_by_state(conv, mean, std):
    new = nn.Conv2d(3, conv.out_channels, conv.kernel_size, conv.stride)
    w = conv.weight / std.view(3, 1, 1)
    bias = -(w * mean.view(3, 1, 1)).sum((1, 2, 3))
    bias = bias + conv.bias if conv.bias is not None else bias
    new.load_state_dict({"weight": w, "bias": bias})
    return new


def fold_in_place(conv, mean, std):
    conv.weight.data /= std.view(3, 1, 1)
    return conv


def fold_its_weights_in_place(conv, mean, std):
    conv.weight.data /= std.view(3, 1, 1)
    return folded_in_a_copy(conv, mean, std)


def fold_without_own_bias(conv, mean, std):
    new = copy.deepcopy(conv)
    new.bias = None
    return proper_fold(new, mean, std)


def fold_without_stride(conv, mean, std):
    new = copy.deepcopy(conv)
    new.stride = (1, 1)
    return proper_fold(new, mean, std)


def proper_positions(positions, side, mode="bicubic", **options):
    first, rest = positions[:, :1], positions[:, 1:]
    g = int(rest.shape[1] ** 0.5)
    square = rest.reshape(1, g, g, -1).permute(0, 3, 1, 2)
    square = interpolate(square, size=(side, side), mode=mode, **options)
    return torch.cat([first, square.flatten(2).mT], 1)


def positions_by_timm(positions, side):
    from timm.layers import resample_abs_pos_embed

    return resample_abs_pos_embed(positions, [side, side])


def positions_from_corner_to_corner(positions, side):
    return proper_positions(positions, side, "bilinear", align_corners=True)


def positions_linearly(positions, side):
    return proper_positions(positions, side, "bilinear", antialias=True)


def positions_row_by_row(positions, side):
    """Once along the columns, once along the rows."""
    first, square = positions[0, 0], positions[0, 1:]
    g = round(len(square) ** 0.5)
    square = square.reshape(g, g, -1)
    for dim in (0, 1):
        place = torch.linspace(0, g - 1, side)
        low = place.long().clamp(max=g - 2) if g > 1 else place.long()
        part = (place - low).reshape([-1 if d == dim else 1 for d in range(3)])
        square = (
            square.index_select(dim, low) * (1 - part) + square.index_select(dim, low + 1) * part
        )
    return torch.cat([first[None], square.flatten(0, 1)])[None]


def without_class(positions, side):
    return proper_positions(positions, side)[:, 1:]


def class_at_the_end(positions, side):
    result = proper_positions(positions, side)
    return torch.cat([result[:, 1:], result[:, :1]], 1)


def class_too(positions, side):
    return interpolate(positions.mT, size=1 + side * side, mode="linear").mT


def on_a_line(positions, side):
    rest = interpolate(positions[:, 1:].mT, size=side * side, mode="linear").mT
    return torch.cat([positions[:, :1], rest], 1)


def mixed_up(positions, side):
    rest = positions[:, 1:]
    g = int(rest.shape[1] ** 0.5)
    square = interpolate(rest.reshape(1, -1, g, g), size=(side, side), mode="bilinear")
    return torch.cat([positions[:, :1], square.reshape(1, side * side, -1)], 1)


def transposed(positions, side):
    result = proper_positions(positions, side)
    square = result[:, 1:].reshape(1, side, side, -1).transpose(1, 2).reshape(1, side * side, -1)
    return result if side == 3 else torch.cat([result[:, :1], square], 1)


def cut_off(positions, side):
    result = positions[:, : 1 + side * side]
    return pad(result, (0, 0, 0, 1 + side * side - result.shape[1]))


WRONG = {
    "07.1": [
        ("a", "cannot say where it comes from"),
        ("C", "larger test set"),
        ("d", "Whether X-rays matter"),
        ("photographs", "one of the letters"),
    ],
    "07.2": [
        (43, "a little above"),
        (45, "one batch earlier"),
        (34, "standard deviation"),
        (2, "a tenth of what is stored"),
        (7, "has halved"),
        (25, "What is stored by then"),
        (100, "is not it"),
    ],
    "07.3": [
        (picture_by_picture, "counts alike"),
        (deviations_averaged, "misses how much the pictures differ"),
        (deviation_of_means, "pixels of a picture differ"),
        (all_channels, "One number for all channels"),
        (lambda pictures: proper_six(pictures)[::-1], "come first"),
        (lambda pictures: [255 * v for v in proper_six(pictures)], "divide by 255"),
        (lambda pictures: (proper_six(pictures)[0], proper_six(pictures)[1] ** 2), "variance"),
        (lambda pictures: proper_six(pictures)[0], "Three means and three deviations"),
        (lambda pictures: (proper_six(pictures)[0], torch.ones(3)), "the deviations are not"),
        (lambda pictures: torch.stack(pictures), "stack expects each tensor"),
    ],
    "07.4": [
        (lambda logits, here, there: logits.argmax(1), "the network's own answers"),
        (lambda logits, here, there: proper_shares(logits, there, here), "wrong way"),
        (lambda logits, here, there: (logits - here.log()).argmax(1), "not put in"),
        (lambda logits, here, there: (logits + there.log()).argmax(1), "not taken out"),
        (lambda logits, here, there: (logits + (here * there).log()).argmax(1), "are added"),
        (lambda logits, here, there: (logits - here + there).argmax(1), "logarithms"),
        (lambda logits, here, there: (logits * there / here).argmax(1), "not of logits"),
        (
            lambda logits, here, there: proper_shares(logits.softmax(1), here, there),
            "first or not at all",
        ),
        (lambda logits, here, there: logits + (there / here).log(), "largest one"),
        (lambda logits, here, there: proper_shares(logits, here, there)[:5], "one class number"),
        (lambda logits, here, there: torch.zeros(400), "of the answers"),
    ],
    "07.5": [
        (lambda conv, mean, std: copy.deepcopy(conv), "Nothing is folded in"),
        (folded(lambda w, s: w / s, lambda w, m, s: 0 * w), "what becomes of the means"),
        (folded(lambda w, s: w / s, lambda w, m, s: -w * m / s), "wrong sign"),
        (folded(lambda w, s: w / s, lambda w, m, s: w * m), "those divided by std"),
        (folded(lambda w, s: w * s, lambda w, m, s: w * s * m), "multiplied by std"),
        (folded(lambda w, s: w, lambda w, m, s: w * m), "the deviations are not"),
        (fold_without_own_bias, "a bias of its own"),
        (fold_without_stride, "another shape"),
        (fold_in_place, "changes the convolution"),
        (fold_its_weights_in_place, "changes the convolution"),
        (lambda conv, mean, std: nn.Sequential(nn.BatchNorm2d(3), conv), "this is Sequential"),
        (folded(lambda w, s: w / s + 1, lambda w, m, s: w), "by hand"),
    ],
    "07.6": [
        (without_class, "missing"),
        (class_at_the_end, "belongs to the front"),
        (class_too, "blended into"),
        (on_a_line, "as one line"),
        (mixed_up, "mixed up"),
        (transposed, "changed places"),
        (cut_off, "mixed up"),
        (lambda positions, side: proper_positions(positions, side, "nearest"), "the same"),
        (lambda positions, side: positions, "has the shape (1, 17, 4)"),
        (lambda positions, side: proper_positions(positions + (side == 3), side), "leave it"),
    ],
}

RIGHT = {
    "07.1": right(*letters("b", "the same network, pretrained on photographs")),
    "07.2": right(*numbers(44)),
    "07.3": right(
        proper_six,
        six_by_sums,
        six_in_numpy,
        six_by_variance,
        *returning(proper_six, list, torch.stack, lambda v: [part.tolist() for part in v]),
    ),
    "07.4": right(
        proper_shares,
        shares_by_probabilities,
        shares_in_numpy,
        shares_in_a_loop,
        *returning(proper_shares, list, torch.Tensor.tolist, torch.Tensor.float, np.array),
    ),
    "07.5": right(proper_fold, folded_in_a_copy, folded_by_asking, folded_by_state),
    "07.6": right(
        proper_positions,
        positions_by_timm,
        positions_from_corner_to_corner,
        positions_linearly,
        positions_row_by_row,
        *returning(proper_positions, torch.Tensor.double, torch.Tensor.tolist),
    ),
}
