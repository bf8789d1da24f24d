"""Sets of labelled images: MNIST, Fashion-MNIST, the digits of scikit-learn, and your own (extra ``data``)."""

from practicum.data.sets import Images, images, normalise

__all__ = ["Images", "images", "normalise"]
