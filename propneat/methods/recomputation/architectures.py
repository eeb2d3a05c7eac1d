"""The seven networks of the paper, built from their own papers' descriptions.

Node counts need not equal those of the paper's graphs, which were traced from programs that are not used here. Every function
takes the batch size and the side of the square input image in pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass

from propneat.methods.recomputation.networks import Builder, Network

__all__ = ["PAPER_NETWORKS", "PaperNetwork"]


def _vgg19(n_rows: int, side: int) -> Network:
    """Simonyan and Zisserman (2015), configuration E."""
    b = Builder((n_rows, 3, side, side))
    x = -1
    for channels, n_layers in ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)):
        for _ in range(n_layers):
            x = b.relu(b.convolution(x, channels, 3))
        x = b.max_pool(x, 2, 2)
    for _ in range(2):
        x = b.dropout(b.relu(b.linear(x, 4096)))
    b.cross_entropy(b.linear(x, 1000))
    return b.network("VGG19")


def _norm_convolution(b: Builder, x: int, channels: int, size: int, *, relu: bool = True, **options: int) -> int:
    x = b.batch_norm(b.convolution(x, channels, size, bias=False, **options))
    return b.relu(x) if relu else x


def _bottleneck(b: Builder, x: int, width: int, stride: int, dilation: int) -> int:
    y = _norm_convolution(b, x, width, 1)
    y = _norm_convolution(b, y, width, 3, stride=stride, dilation=dilation)
    y = _norm_convolution(b, y, 4 * width, 1, relu=False)
    if b.shape_of(x) != b.shape_of(y):
        x = _norm_convolution(b, x, 4 * width, 1, stride=stride, relu=False)
    return b.relu(b.sum(y, x))


def _stage(b: Builder, x: int, width: int, n_blocks: int, stride: int, dilation: int = 1) -> int:
    for block in range(n_blocks):
        x = _bottleneck(b, x, width, stride if block == 0 else 1, dilation)
    return x


def _resnet(name: str, n_blocks: tuple[int, ...], n_rows: int, side: int) -> Network:
    """He et al. (2016), bottleneck blocks, the stride at the 3 x 3 convolution."""
    b = Builder((n_rows, 3, side, side))
    x = b.max_pool(_norm_convolution(b, -1, 64, 7, stride=2), 3, 2, 1)
    for number, n in enumerate(n_blocks):
        x = _stage(b, x, 64 * 2**number, n, 1 if number == 0 else 2)
    b.cross_entropy(b.linear(b.pool_to(x, 1), 1000))
    return b.network(name)


def _resnet50(n_rows: int, side: int) -> Network:
    return _resnet("ResNet50", (3, 4, 6, 3), n_rows, side)


def _resnet152(n_rows: int, side: int) -> Network:
    return _resnet("ResNet152", (3, 8, 36, 3), n_rows, side)


def _densenet161(n_rows: int, side: int) -> Network:
    """Huang et al. (2017), growth 48; a layer reads one concatenation, made of the last one and what the last layer added."""
    b = Builder((n_rows, 3, side, side))
    x = b.max_pool(_norm_convolution(b, -1, 96, 7, stride=2), 3, 2, 1)
    for block, n_layers in enumerate((6, 12, 36, 24)):
        for _ in range(n_layers):
            y = b.convolution(b.relu(b.batch_norm(x)), 192, 1, bias=False)
            x = b.concat(x, b.convolution(b.relu(b.batch_norm(y)), 48, 3, bias=False))
        x = b.relu(b.batch_norm(x))
        if block < 3:
            x = b.average_pool(b.convolution(x, b.shape_of(x)[1] // 2, 1, bias=False), 2, 2)
    b.cross_entropy(b.linear(b.pool_to(x, 1), 1000))
    return b.network("DenseNet161")


_INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64), "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128), "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip


def _inception(b: Builder, x: int, widths: tuple[int, ...]) -> int:
    """Four branches; one rectifier after the concatenation does for all of them."""
    one, reduce3, three, reduce5, five, pool = widths
    branches = (
        b.convolution(x, one, 1),
        b.convolution(b.relu(b.convolution(x, reduce3, 1)), three, 3),
        b.convolution(b.relu(b.convolution(x, reduce5, 1)), five, 5),
        b.convolution(b.max_pool(x, 3, 1, 1), pool, 1),
    )
    return b.relu(b.concat(*branches))


def _googlenet(n_rows: int, side: int) -> Network:
    """Szegedy et al. (2015) with both auxiliary classifiers, whose losses count 0.3."""
    b = Builder((n_rows, 3, side, side))
    x = b.local_norm(b.max_pool(b.relu(b.convolution(-1, 64, 7, stride=2)), 3, 2, ceil=True))
    x = b.relu(b.convolution(b.relu(b.convolution(x, 64, 1)), 192, 3))
    x = b.max_pool(b.local_norm(x), 3, 2, ceil=True)
    losses = []
    for name, widths in _INCEPTIONS.items():
        x = _inception(b, x, widths)
        if name in ("3b", "4e"):
            x = b.max_pool(x, 3, 2, ceil=True)
        if name in ("4a", "4d"):
            y = b.relu(b.convolution(b.average_pool(x, 5, 3), 128, 1))
            losses.append(b.cross_entropy(b.linear(b.relu(b.linear(y, 1024)), 1000)))
    losses.append(b.cross_entropy(b.linear(b.dropout(b.pool_to(x, 1), 0.4), 1000)))
    b.sum(b.sum(*losses[:2], weights=(0.3, 0.3)), losses[2])
    return b.network("GoogLeNet")


def _unet(n_rows: int, side: int) -> Network:
    """Ronneberger et al. (2015): unpadded convolutions, cropped skip connections, dropout at the end of the way down."""
    b = Builder((n_rows, 1, side, side))
    x, skips = -1, []
    for level in range(5):
        for _ in range(2):
            x = b.relu(b.convolution(x, 64 * 2**level, 3, padding=0))
        if level >= 3:
            x = b.dropout(x)
        if level < 4:
            skips.append(x)
            x = b.max_pool(x, 2, 2)
    for level in reversed(range(4)):
        x = b.concat(skips[level], b.relu(b.up_convolution(x, 64 * 2**level)))
        for _ in range(2):
            x = b.relu(b.convolution(x, 64 * 2**level, 3, padding=0))
    b.cross_entropy(b.convolution(x, 2, 1))
    return b.network("U-Net")


def _pspnet(n_rows: int, side: int) -> Network:
    """Zhao et al. (2017): a dilated ResNet101 with a stem of three convolutions, pyramid pooling, and an auxiliary loss."""
    b = Builder((n_rows, 3, side, side))
    x = -1
    for channels, stride in ((64, 2), (64, 1), (128, 1)):
        x = _norm_convolution(b, x, channels, 3, stride=stride)
    x = _stage(b, b.max_pool(x, 3, 2, 1), 64, 3, 1)
    early = _stage(b, _stage(b, x, 128, 4, 2), 256, 23, 1, dilation=2)
    x = _stage(b, early, 512, 3, 1, dilation=4)
    sides = b.shape_of(x)[2:]
    levels = [b.resize(_norm_convolution(b, b.pool_to(x, bins), 512, 1), sides) for bins in (1, 2, 3, 6)]
    x = _segment(b, b.concat(x, *levels), 512, side)
    b.sum(_segment(b, early, 256, side), x, weights=(0.4, 1.0))
    return b.network("PSPNet")


def _segment(b: Builder, x: int, width: int, side: int) -> int:
    """A classifier of pixels into 19 classes, its answer resized to the image, and its loss."""
    x = b.convolution(b.dropout(_norm_convolution(b, x, width, 3), 0.1), 19, 1)
    return b.cross_entropy(b.resize(x, (side, side)))


@dataclass(frozen=True)
class PaperNetwork:
    """One network of the paper's table, and what the table says: bytes in GB, reductions in per cent."""

    make: Callable[[int, int], Network]
    n_rows: int
    side: int
    small_rows: int
    small_side: int
    """Rows, and the side of an image in pixels, at which the network is small enough to be run here."""
    n_nodes: int
    approximate: tuple[float, int]
    """Peak of the approximate programme, and its reduction against no recomputation; likewise below."""
    exact: tuple[float, int]
    chen: tuple[float, int]
    vanilla: float


PAPER_NETWORKS = {
    "VGG19": PaperNetwork(_vgg19, 64, 224, 2, 64, 46, (4.5, 36), (4.5, 36), (4.7, 34), 7.0),
    "ResNet50": PaperNetwork(_resnet50, 96, 224, 2, 64, 176, (3.4, 62), (3.4, 62), (3.7, 59), 8.9),
    "ResNet152": PaperNetwork(_resnet152, 48, 224, 2, 64, 516, (2.3, 75), (2.3, 75), (2.4, 74), 9.2),
    "DenseNet161": PaperNetwork(_densenet161, 32, 224, 2, 64, 568, (1.6, 81), (1.7, 80), (1.8, 79), 8.5),
    "U-Net": PaperNetwork(_unet, 8, 572, 1, 188, 60, (5.0, 45), (4.7, 48), (7.4, 18), 9.1),
    "GoogLeNet": PaperNetwork(_googlenet, 256, 224, 1, 128, 134, (5.2, 39), (5.2, 39), (6.5, 24), 8.5),
    "PSPNet": PaperNetwork(_pspnet, 2, 713, 2, 49, 385, (2.7, 71), (2.8, 70), (4.0, 58), 9.4),
}
"""The networks of the paper's table, with batch size and side of its experiments and its minimum peaks with liveness."""
