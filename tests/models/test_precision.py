import pytest
import torch

from stages.models.load import DTYPES
from stages.models.precision import fast_dtype


def test_bf16_is_taken_where_it_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fast_dtype(torch.device("cuda")) == "bfloat16"
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert fast_dtype(torch.device("cpu")) == "float32"
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    assert fast_dtype(torch.device("cpu")) == "bfloat16"
    assert {"bfloat16", "float32"} <= DTYPES.keys()
