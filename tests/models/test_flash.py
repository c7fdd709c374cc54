import pytest
import torch

from stages.models.flash import _plain, attend, attend_backward


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize("size", [1, 5, 33])
def test_kernel_equals_the_definition(causal: bool, scale: float | None, size: int) -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, 2, 3, size, 8, generator=generator).unbind()
    query = query if causal else torch.randn(2, 3, size + 4, 8, generator=generator)
    out, mass = attend(query, key, value, causal=causal, scale=scale)
    expected_out, expected_mass = _plain(query, key, value, causal=causal, scale=scale)
    assert torch.allclose(out, expected_out, atol=1e-6)
    assert torch.allclose(mass, expected_mass, atol=1e-6)


def test_definition_by_hand() -> None:
    # scores of the second query: 0 and ln 3 * 1, so that the weights are 1/4 and 3/4
    query = torch.tensor([[[[0.0], [1.0]]]])
    key = torch.tensor([[[[0.0], [3.0]]]]).log1p() / torch.tensor(4.0).log() * torch.tensor(3.0).log()
    value = torch.tensor([[[[4.0], [8.0]]]])
    out, mass = attend(query, key, value, causal=True, scale=1.0)
    assert out.flatten().tolist() == pytest.approx([4.0, 7.0], abs=1e-5)
    assert mass.exp().flatten().tolist() == pytest.approx([1.0, 4.0], abs=1e-5)
    open_out, open_mass = attend(query, key, value, causal=False, scale=1.0)
    assert open_out.flatten().tolist() == pytest.approx([6.0, 7.0], abs=1e-5)
    assert open_mass.exp().flatten().tolist() == pytest.approx([2.0, 4.0], abs=1e-5)


def test_bf16_keeps_its_dtype_and_an_fp32_mass() -> None:
    query = torch.randn(1, 2, 4, 8, dtype=torch.bfloat16, generator=torch.Generator().manual_seed(0))
    out, mass = attend(query, query, query, causal=True, scale=None)
    assert (out.dtype, mass.dtype) == (torch.bfloat16, torch.float32)


@pytest.mark.parametrize("causal", [True, False])
def test_gradient_equals_that_of_the_definition(causal: bool) -> None:
    tensors = [tensor.requires_grad_() for tensor in torch.randn(3, 2, 3, 9, 8, generator=torch.Generator()).unbind()]
    weights = torch.randn(2, 3, 9, 8, generator=torch.Generator().manual_seed(1))
    expected_out, _ = _plain(*tensors, causal=causal, scale=0.3)
    expected = torch.autograd.grad((expected_out * weights).sum(), tensors)
    with torch.no_grad():
        out, mass = attend(*tensors, causal=causal, scale=0.3)
        found = attend_backward(weights, *tensors, out, mass, causal=causal, scale=0.3)
    assert all(torch.allclose(one, two, atol=1e-5) for one, two in zip(found, expected, strict=True))


def test_gradients_of_parts_of_the_keys_are_those_of_the_whole() -> None:
    query, key, value = torch.randn(3, 1, 2, 10, 8, generator=torch.Generator().manual_seed(0)).unbind()
    grad = torch.randn(1, 2, 10, 8, generator=torch.Generator().manual_seed(1))
    out, mass = attend(query, key, value, causal=False, scale=None)
    whole = attend_backward(grad, query, key, value, out, mass, causal=False, scale=None)
    parts = [
        attend_backward(grad, query, key[:, :, part], value[:, :, part], out, mass, causal=False, scale=None)
        for part in (slice(0, 3), slice(3, 10))
    ]
    assert torch.allclose(parts[0][0] + parts[1][0], whole[0], atol=1e-5)
    for place in (1, 2):
        assert torch.allclose(torch.cat([part[place] for part in parts], dim=2), whole[place], atol=1e-5)
