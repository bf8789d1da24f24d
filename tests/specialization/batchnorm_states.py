"""State dicts with the names and shapes of known networks, and betas that a test chooses. No numbers but the norms'."""

import numpy as np

VGG19 = [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"]


def shaped(*shape):
    """An array of a shape that takes no memory."""
    return np.broadcast_to(np.float32(0), shape)


def norm(prefix, n, beta=None, gamma=None, mean=None):
    """The four arrays of a trained BatchNorm and its counter; by default half of beta is negative, nothing is zero."""
    signs = np.where(np.arange(n) % 2 == 0, -1.0, 1.0)
    return {
        f"{prefix}.weight": np.ones(n, np.float32) if gamma is None else gamma,
        f"{prefix}.bias": (0.1 * signs).astype(np.float32) if beta is None else beta,
        f"{prefix}.running_mean": signs.astype(np.float32) if mean is None else mean,
        f"{prefix}.running_var": np.ones(n, np.float32),
        f"{prefix}.num_batches_tracked": np.array(7),
    }


def vgg(betas=None, plan=VGG19):
    """torchvision's VGG with BatchNorm; `betas` one array a layer, in order."""
    state, place, below = {}, 0, 3
    betas = iter(betas or [])
    for n in plan:
        if n == "M":
            place += 1
            continue
        state[f"features.{place}.weight"] = shaped(n, below, 3, 3)
        state[f"features.{place}.bias"] = shaped(n)
        state |= norm(f"features.{place + 1}", n, next(betas, None))
        place, below = place + 3, n
    for index, shape in ((0, (4096, 512 * 49)), (3, (4096, 4096)), (6, (1000, 4096))):
        state |= {f"classifier.{index}.weight": shaped(*shape), f"classifier.{index}.bias": shaped(shape[0])}
    return state


def resnet(blocks=(2, 2, 2, 2), bottleneck=False, first=False, shortcut="downsample"):
    """torchvision's ResNet; with `first`, norms precede their convolutions (and have the width of what comes in)."""
    state = {"conv1.weight": shaped(64, 3, 7, 7)} | norm("bn1", 64)
    below = 64
    for stage, count in enumerate(blocks, start=1):
        n = 32 * 2**stage
        out = 4 * n if bottleneck else n
        for index in range(count):
            name = f"layer{stage}.{index}"
            widths = [(n, below, 1), (n, n, 3), (out, n, 1)] if bottleneck else [(n, below, 3), (n, n, 3)]
            for number, (w, v, size) in enumerate(widths, start=1):
                convolution = {f"{name}.conv{number}.weight": shaped(w, v, size, size)}
                beside = norm(f"{name}.bn{number}", v if first else w)
                state |= beside | convolution if first else convolution | beside
            if below != out:
                state[f"{name}.{shortcut}.0.weight"] = shaped(out, below, 1, 1)
                state |= {} if first else norm(f"{name}.{shortcut}.1", out)
            below = out
    return state | {"fc.weight": shaped(1000, below), "fc.bias": shaped(1000)}


MOBILENET = [(1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1)]


def mobilenet():
    """torchvision's MobileNetV2."""
    state = {"features.0.0.weight": shaped(32, 3, 3, 3)} | norm("features.0.1", 32)
    below, index = 32, 1
    for expansion, n, repeats in MOBILENET:
        for _ in range(repeats):
            name, inside = f"features.{index}.conv", below * expansion
            step = 0
            if expansion > 1:
                state[f"{name}.0.0.weight"] = shaped(inside, below, 1, 1)
                state |= norm(f"{name}.0.1", inside)
                step = 1
            state[f"{name}.{step}.0.weight"] = shaped(inside, 1, 3, 3)
            state |= norm(f"{name}.{step}.1", inside)
            state[f"{name}.{step + 1}.weight"] = shaped(n, inside, 1, 1)
            state |= norm(f"{name}.{step + 2}", n)
            below, index = n, index + 1
    state["features.18.0.weight"] = shaped(1280, below, 1, 1)
    state |= norm("features.18.1", 1280)
    return state | {"classifier.1.weight": shaped(1000, 1280), "classifier.1.bias": shaped(1000)}


def signs(n, negative, zero=0):
    """n betas, of which so many are negative and zero; the order is no order."""
    values = np.ones(n, np.float32)
    values[:negative] = -1
    values[negative : negative + zero] = 0
    return np.random.default_rng(n).permutation(values)
