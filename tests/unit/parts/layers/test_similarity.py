"""Similarities against numpy."""

import numpy as np
import pytest
import torch

from facegen.core.errors import RecipeError
from facegen.parts.layers.similarity import cosines, inner_products, require_equal_widths


def test_similarities_of_each_row_with_its_candidates():
    generator = torch.Generator().manual_seed(0)
    query, candidates = torch.randn(3, 4, generator=generator), torch.randn(3, 5, 4, generator=generator)
    products = np.einsum("bd,bkd->bk", query.double().numpy(), candidates.double().numpy())
    lengths = np.linalg.norm(query.numpy(), axis=1)[:, None] * np.linalg.norm(candidates.numpy(), axis=2)
    np.testing.assert_allclose(inner_products(query, candidates).numpy(), products, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(cosines(query, candidates).numpy(), products / lengths, rtol=1e-4, atol=1e-6)


def test_half_precision_is_computed_in_float32():
    query, candidates = torch.ones(1, 4, dtype=torch.bfloat16), torch.ones(1, 2, 4, dtype=torch.bfloat16)
    assert cosines(query, candidates).dtype == inner_products(query, candidates).dtype == torch.float32


def test_zero_vector_has_similarity_zero():
    assert torch.equal(cosines(torch.zeros(1, 4), torch.ones(1, 2, 4)), torch.zeros(1, 2))


def test_spaces_of_different_widths_are_refused():
    require_equal_widths("x", 3, 3)
    with pytest.raises(RecipeError, match="x: encodings of 3 cannot be compared with embeddings of 4"):
        require_equal_widths("x", 3, 4)
