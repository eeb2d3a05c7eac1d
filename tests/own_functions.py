"""Activations and aggregations as people write their own; tests import them by name."""

import numpy as np

from propneat import Activation, Aggregation

tanh = Activation(np.tanh, lambda z: 1 - np.tanh(z) ** 2)
gauss = Activation(lambda z: np.exp(-(z**2)), lambda z: -2 * z * np.exp(-(z**2)))
wrong = Activation(np.sin, np.sin)
plain = np.tanh


def _others(terms):
    """For every term the product of the others, shape (n_terms, n_rows)."""
    return np.array([np.delete(terms, k, axis=0).prod(axis=0) for k in range(len(terms))])


total = Aggregation(lambda terms: terms.sum(axis=0), np.ones_like)
times = Aggregation(lambda terms: terms.prod(axis=0), _others)
norm = Aggregation(lambda terms: np.sqrt(1e-6 + (terms**2).sum(axis=0)), lambda t: t / np.sqrt(1e-6 + (t**2).sum(axis=0)))
"""Of a single term it is not that term."""
crooked = Aggregation(lambda terms: terms.sum(axis=0), np.zeros_like)
