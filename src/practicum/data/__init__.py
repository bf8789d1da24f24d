"""Images as plain arrays (extra ``data``).

Labelled sets: MNIST, Fashion-MNIST, CIFAR-10, the digits of scikit-learn, and your own. Unlabelled: patches of
photographs, which a teacher labels.
"""

from practicum.data.photographs import Patches, patches
from practicum.data.sets import Images, images, normalise

__all__ = ["Images", "Patches", "images", "normalise", "patches"]
