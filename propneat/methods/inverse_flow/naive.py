"""The plain ways to invert a convolution, to compare with: a dense matrix by Gaussian elimination, and a loop over pixels."""

import torch

from propneat.methods.inverse_flow.wavefront import convolve

__all__ = ["dense_matrix", "dense_solve", "pixel_loop"]


def dense_matrix(weight: torch.Tensor, n_rows: int, n_columns: int, corner: str = "TL") -> torch.Tensor:
    """Return the convolution as a matrix on flat images, (n, n) with n = C H W, by convolving every unit image."""
    shape = (weight.shape[0], n_rows, n_columns)
    n = shape[0] * n_rows * n_columns
    units = torch.eye(n, dtype=weight.dtype, device=weight.device).view(n, *shape)
    return convolve(units, weight, corner).reshape(n, n).T


def dense_solve(y: torch.Tensor, weight: torch.Tensor, corner: str = "TL") -> torch.Tensor:
    """Return the x of which y, (B, C, H, W), is the convolution: O(n^3) for n = C H W, gradients by autograd."""
    matrix = dense_matrix(weight, *y.shape[2:], corner)
    return torch.linalg.solve(matrix, y.flatten(1).T).T.reshape(y.shape)


def pixel_loop(y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the x of which y, (B, C, H, W), is the convolution at corner TL, pixel by pixel, gradients by autograd.

    One product per pixel over all its taps, as good as a loop of tensors gets; autograd keeps a graph of all pixels.
    """
    _, _, n_rows, n_columns = y.shape
    top, left = weight.shape[2] - 1, weight.shape[3] - 1
    inverse = torch.linalg.inv(weight[:, :, -1, -1])
    own = [[inverse @ column for column in row.unbind(0)] for row in y.permute(2, 3, 1, 0).unbind(0)]
    # taps but the pixel's own, in the order in which sources are joined
    taps = (inverse @ weight.permute(2, 3, 0, 1)).flatten(0, 1)[:-1]
    matrix = taps.permute(1, 0, 2).flatten(1)
    margin = torch.zeros_like(own[0][0])
    x = [[margin] * (n_columns + left) for _ in range(n_rows + top)]
    for h in range(n_rows):
        for w in range(n_columns):
            sources = [pixel for row in x[h : h + top + 1] for pixel in row[w : w + left + 1]][:-1]
            mixed = matrix @ torch.cat(sources) if sources else margin
            x[h + top][w + left] = own[h][w] - mixed
    return torch.stack([torch.stack(row[left:]) for row in x[top:]]).permute(3, 2, 0, 1)
