"""Gaussian integrals of linear nodes, g(u) = u, g'(u) = 1: the entries of the covariance C of the fields.

    I2(u, v) = C_uv     J2(u, v) = 1     I3(u; v, w) = C_vw     I4(u, v; w, z) = C_wz

so that a linear committee sees only the overlap of each field with the error, ``sum_w s_w C_w.``. The arguments that
do not matter (u, v, beta) are kept, so that the three activations have the same kernels.

Source: Saad & Solla, Phys. Rev. E 52, 4225 (1995), section II, with g(x) = x.
"""

from __future__ import annotations

from numba import njit


@njit(cache=True, error_model="numpy", nogil=True)
def i2(C, u, v):
    """<u v>."""
    return C[u, v]


@njit(cache=True, error_model="numpy", nogil=True)
def j2(C, u, v, beta):
    """<1>."""
    return 1.0


@njit(cache=True, error_model="numpy", nogil=True)
def i3(C, u, v, w, beta):
    """<v w>."""
    return C[v, w]


@njit(cache=True, error_model="numpy", nogil=True)
def i4(C, u, v, w, z, beta):
    """<w z>."""
    return C[w, z]


@njit(cache=True, error_model="numpy", nogil=True)
def linear_flow_terms(C, s, v, K, D1, D2, N2):
    """Fill the moments of the flow for students 0 ... K-1 and signed fan-outs ``s = (-v, v*)``.

    D1[i, a] = v_i sum_w s_w I3(i; a, w), D2[i, k] = v_i v_k sum_wz s_w s_z I4(i, k; w, z), N2[i, k] = v_i v_k J2(i, k);
    shapes (K, F), (K, K), (K, K) with F = s.size. Nothing is allocated.
    """
    F = s.size
    error = 0.0
    for a in range(F):
        overlap = 0.0
        for w in range(F):
            overlap += s[w] * C[a, w]
        error += s[a] * overlap
        for i in range(K):
            D1[i, a] = v[i] * overlap
    for i in range(K):
        for k in range(K):
            N2[i, k] = v[i] * v[k]
            D2[i, k] = N2[i, k] * error
