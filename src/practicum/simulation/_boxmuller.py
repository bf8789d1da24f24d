"""Box-Muller without branches or library calls: own logarithm, sine and cosine, which LLVM vectorises.

Two normals are ``r cos(phi)`` and ``r sin(phi)`` with ``r = sqrt(-2 log u)``. The two loops are separate, and the
polynomials are in Estrin's order, because short chains of dependent operations keep the vector units busy (half the
time). No fused multiply-add: every operation is one that IEEE 754 rounds exactly, so the bits are the same on every
processor.

Sources: Box & Muller, Ann. Math. Stat. 29 (1958) 610; coefficients of Sun's fdlibm (``log``, ``logf`` and the sine and
cosine kernels) and of Cephes (``sinf``, ``cosf``).
"""

from __future__ import annotations

import math

import numpy as np

from practicum.simulation._compiled import kernel


@kernel
def radii64(words, out):
    """``sqrt(-2 log u)`` with ``u = (top 53 bits + 1) / 2^53`` in (0, 1], for each word."""
    for i in range(words.size):
        x = float(np.int64((words[i] >> np.uint64(11)) + np.uint64(1)))
        # x = m 2^e with m in [sqrt(1/2), sqrt(2)); log m = 2 atanh(f / (2 + f)). Estrin's order keeps chains short.
        bits = np.float64(x).view(np.int64)
        e = (bits - np.int64(0x3FE6A09E667F3BCD)) >> np.int64(52)
        f = np.int64(bits - (e << np.int64(52))).view(np.float64) - 1.0
        s = f / (2.0 + f)
        z = s * s
        w = z * z
        w2 = w * w
        odd = z * (
            (6.666666666666735130e-01 + w * 2.857142874366239149e-01)
            + w2 * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)
        )
        even = w * ((3.999999999940941908e-01 + w * 2.222219843214978396e-01) + w2 * 1.531383769920937332e-01)
        half = 0.5 * f * f
        k = float(e - 53)
        log = k * 6.93147180369123816490e-01 - (
            (half - (s * (half + (odd + even)) + k * 1.90821492927058770002e-10)) - f
        )
        out[i] = math.sqrt(-2.0 * log)


@kernel
def rotate64(words, first, second):
    """Turn radii (in `first`) by uniform angles: pairs of independent normals into `first` and `second`."""
    for i in range(words.size):
        u = words[i]
        r = first[i]
        # 62 bits: an angle in [-pi/4, pi/4); two bits: reflect, swap; together the whole circle, evenly.
        y = float(np.int64(u << np.uint64(2))) * (1.5707963267948966 * 2.0**-64)
        q = y * y
        q2 = q * q
        q4 = q2 * q2
        sine = (
            (-1.66666666666666324348e-01 + q * 8.33333333332248946124e-03)
            + q2 * (-1.98412698298579493134e-04 + q * 2.75573137070700676789e-06)
            + q4 * (-2.50507602534068634195e-08 + q * 1.58969099521155010221e-10)
        )
        cosine = (
            (4.16666666666666019037e-02 + q * -1.38888888888741095749e-03)
            + q2 * (2.48015872894767294178e-05 + q * -2.75573143513906633035e-07)
            + q4 * (2.08757232129817482790e-09 + q * -1.13596475577881948265e-11)
        )
        sine = (y + (y * q) * sine) * r
        cosine = ((1.0 - 0.5 * q) + q2 * cosine) * r
        cosine = cosine if np.int64(u) >= 0 else -cosine
        swap = (u & np.uint64(0x4000000000000000)) != 0
        first[i] = sine if swap else cosine
        second[i] = cosine if swap else sine


@kernel
def radii32(words, out):
    """``sqrt(-2 log u)`` with ``u = (word + 1/2) / 2^32``, for each 32-bit word, in float32."""
    for i in range(words.size):
        x = np.float32(words[i]) + np.float32(0.5)
        bits = np.float32(x).view(np.int32)
        e = np.int32(np.int32(bits - np.int32(0x3F3504F3)) >> np.int32(23))
        f = np.int32(bits - np.int32(e << np.int32(23))).view(np.float32) - np.float32(1.0)
        s = f / (np.float32(2.0) + f)
        z = s * s
        w = z * z
        odd = z * (np.float32(0.66666662693) + w * np.float32(0.28498786688))
        even = w * (np.float32(0.40000972152) + w * np.float32(0.24279078841))
        half = np.float32(0.5) * f * f
        k = np.float32(np.int32(e - np.int32(32)))
        log = k * np.float32(6.9313812256e-01) - (
            (half - (s * (half + (odd + even)) + k * np.float32(9.0580006145e-06))) - f
        )
        out[i] = np.float32(math.sqrt(np.float32(-2.0) * log))


@kernel
def rotate32(words, first, second):
    """As :func:`rotate64`, in float32 with 32-bit words."""
    for i in range(words.size):
        u = words[i]
        r = first[i]
        y = np.float32(np.int32(np.uint32(u << np.uint32(2)))) * np.float32(1.5707963267948966 * 2.0**-32)
        q = y * y
        q2 = q * q
        sine = (np.float32(-1.6666654611e-01) + q * np.float32(8.3321608736e-03)) + q2 * np.float32(-1.9515295891e-04)
        cosine = (np.float32(4.166664568298827e-02) + q * np.float32(-1.388731625493765e-03)) + q2 * np.float32(
            2.443315711809948e-05
        )
        sine = (y + (y * q) * sine) * r
        cosine = ((np.float32(1.0) - np.float32(0.5) * q) + q2 * cosine) * r
        cosine = cosine if np.int32(u) >= 0 else -cosine
        swap = (u & np.uint32(0x40000000)) != 0
        first[i] = sine if swap else cosine
        second[i] = cosine if swap else sine
