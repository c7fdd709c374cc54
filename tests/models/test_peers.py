import pytest
from torch.distributed import DistBackendError

from stages.core.errors import DataError, Interrupted
from stages.models.peers import with_peers


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[/src/third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer"),
        DistBackendError("NCCL error: remote process exited or there was a network error"),
    ],
)
def test_a_lost_process_is_no_bug(error: RuntimeError) -> None:
    with pytest.raises(Interrupted, match="Another process of this run has ended") as caught, with_peers():
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), DataError("row 3")])
def test_other_errors_stay_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, with_peers():
        raise error
    assert caught.value is error
