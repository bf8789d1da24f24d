"""xoshiro256++ in sixteen interleaved lanes, written so that LLVM runs the lanes in vector registers.

Lane j is lane 0 jumped j times by 2^128 steps, so that no two lanes can overlap within 2^128 draws. Only integer
operations: the words are the same on every machine.

Source: Blackman & Vigna, "Scrambled linear pseudorandom number generators", ACM Trans. Math. Softw. 47 (2021) 36,
and the public-domain reference code of its authors (jump polynomials).
"""

from __future__ import annotations

import numpy as np

from practicum.simulation._compiled import kernel

LANES = 16
LANE_WORDS = 4 * LANES

# The polynomials x^(2^128) and x^(2^192) modulo the characteristic polynomial of the generator.
JUMP = np.array([0x180EC6D33CFD0ABA, 0xD5A61266F0C9392C, 0xA9582618E03FC9AA, 0x39ABDC4529B1661C], dtype=np.uint64)
LONG_JUMP = np.array([0x76E15D3EFEFDCBBF, 0xC5004E441C522FB3, 0x77710069854EE241, 0x39109BB02ACBE635], dtype=np.uint64)


@kernel
def next_word(s):
    """The next 64-bit word of one generator; `s` holds its four words and is advanced."""
    s0, s1, s2, s3 = s[0], s[1], s[2], s[3]
    x = s0 + s3
    word = ((x << np.uint64(23)) | (x >> np.uint64(41))) + s0
    shifted = s1 << np.uint64(17)
    s2 ^= s0
    s3 ^= s1
    s[1] = s1 ^ s2
    s[0] = s0 ^ s3
    s[2] = s2 ^ shifted
    s[3] = (s3 << np.uint64(45)) | (s3 >> np.uint64(19))
    return word


@kernel
def jump(s, polynomial):
    """Advance one generator by the number of steps that `polynomial` (JUMP or LONG_JUMP) stands for."""
    t0, t1, t2, t3 = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
    for bit in range(256):
        if (polynomial[bit // 64] >> np.uint64(bit % 64)) & np.uint64(1):
            t0 ^= s[0]
            t1 ^= s[1]
            t2 ^= s[2]
            t3 ^= s[3]
        next_word(s)
    s[0], s[1], s[2], s[3] = t0, t1, t2, t3


@kernel
def seed_lanes(s, lanes, polynomial):
    """Fill `lanes` (word i of lane j at i * LANES + j): lane 0 from the four words of `s`, which end LANES jumps on."""
    for j in range(LANES):
        for i in range(4):
            lanes[i * LANES + j] = s[i]
        jump(s, polynomial)


@kernel
def fill_words(lanes, out):
    """Fill `out` (a multiple of LANES words), the lanes interleaved: word n comes from lane n mod LANES."""
    for i in range(out.size // LANES):
        for j in range(LANES):
            s0, s1, s2, s3 = lanes[j], lanes[LANES + j], lanes[2 * LANES + j], lanes[3 * LANES + j]
            x = s0 + s3
            out[i * LANES + j] = ((x << np.uint64(23)) | (x >> np.uint64(41))) + s0
            shifted = s1 << np.uint64(17)
            s2 ^= s0
            s3 ^= s1
            lanes[LANES + j] = s1 ^ s2
            lanes[j] = s0 ^ s3
            lanes[2 * LANES + j] = s2 ^ shifted
            lanes[3 * LANES + j] = (s3 << np.uint64(45)) | (s3 >> np.uint64(19))
