"""A residual network: nodes within a block, and nodes that are added to those of other layers."""

from torch import nn

from pruning.to_prune import nodes


class Block(nn.Module):
    def __init__(self, below, above):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(below, above, 3, padding=1, bias=False), nn.BatchNorm2d(above)
        self.conv2, self.bn2 = nn.Conv2d(above, above, 3, padding=1, bias=False), nn.BatchNorm2d(above)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Identity() if below == above else nn.Conv2d(below, above, 1)

    def forward(self, x):
        inside = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(inside + self.shortcut(x))


class Residual(nn.Module):
    """A stem of 6 channels, a block of 6, one of 8 behind a shortcut with weights, and a head."""

    def __init__(self, middle=nn.Identity, flat=False):
        super().__init__()
        self.stem, self.middle = nn.Conv2d(3, 6, 3, padding=1), middle()
        self.block1, self.block2 = Block(6, 6), Block(6, 8)
        self.pool, self.flatten, self.head = nn.AvgPool2d(2), nn.Flatten(), nn.Linear(8 * 16, 4)

    def forward(self, x):
        return self.head(self.flatten(self.pool(self.block2(self.middle(self.block1(self.stem(x)))))))


def every(mask):
    return mask


def sixteen(mask):
    """Positions of a channel below the Flatten."""
    return mask.repeat_interleave(16)


INSIDE = nodes("block1.conv1", 1, 2, 5, of=6)
STREAM = {
    "stem": (nodes("stem", 0, 2, 3, of=6), {"block1.conv1": every, "block2.conv1": every, "block2.shortcut": every}),
    "block1.conv2": (
        nodes("block1.conv2", 0, 2, of=6),
        {"block1.conv1": every, "block2.conv1": every, "block2.shortcut": every},
    ),
    "block2.conv2": (nodes("block2.conv2", 1, 2, 6, 7, of=8), {"head": sixteen}),
    "block2.shortcut": (nodes("block2.shortcut", 1, of=8), {"head": sixteen}),
}
"""Choices of nodes that are added to others, and which columns of which layers hear them."""
