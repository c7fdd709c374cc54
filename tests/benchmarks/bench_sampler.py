"""Sampling with log-probabilities: ours against transformers' generate, CPU seconds a call, medians, taken in turns.

Completions are cut at a fixed length and no token ends them, so that both do the same work. generate keeps what is
needed for log-probabilities (output_logits) and computes them, once, at the end; it pads prompts on the left.
"""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, NamedTuple

import torch
from transformers import GenerationConfig, Qwen3Config, Qwen3ForCausalLM

from stages.models.sampler import Asked, Sampler

ROUNDS = 5
GROUP = 8


class Case(NamedTuple):
    name: str
    vocabulary: int
    width: int
    heads: int
    lengths: tuple[int, ...]
    new_tokens: int


CASES = (
    Case("toy, equal prompts", 44, 64, 2, (8,) * 8, 16),
    Case("toy, mixed prompts", 44, 64, 2, (6, 7, 8, 9, 10, 11, 12, 13), 16),
    Case("width 512, V 32,000, equal prompts", 32_000, 512, 8, (64,) * 4, 32),
    Case("width 512, V 32,000, mixed prompts", 32_000, 512, 8, (16, 48, 64, 128), 32),
)


class NoEnd:
    """As much of a tokenizer as a sampler without ends and stop texts asks for."""

    eos_token_id = None


def main() -> None:
    torch.set_num_threads(1)
    print(f"{'':38} {'ours':>9} {'generate':>9} {'ratio':>6}   CPU s a call")
    for case in CASES:
        ours, theirs = _in_turns(*_calls(case))
        print(f"{case.name:38} {ours:9.4f} {theirs:9.4f} {theirs / ours:6.2f}", flush=True)


def _calls(case: Case) -> tuple[Callable[[], object], Callable[[], object]]:
    model = _model(case)
    asked = _asked(case)
    sampler = Sampler(model, NoEnd(), max_new_tokens=case.new_tokens, batch_size=64)
    return lambda: sampler.sample(asked), lambda: _generate(model, asked, case.new_tokens)


def _in_turns(*calls: Callable[[], object]) -> list[float]:
    taken: list[list[float]] = [[] for _ in calls]
    for round_ in range(ROUNDS + 1):
        for call, times in zip(calls, taken, strict=True):
            start = time.process_time()
            call()
            if round_ > 0:
                times.append(time.process_time() - start)
    return [median(times) for times in taken]


@torch.inference_mode()
def _generate(model: Any, asked: Sequence[Asked], new_tokens: int) -> torch.Tensor:
    width = max(len(one.prompt_ids) for one in asked)
    ids = torch.tensor([[0] * (width - len(one.prompt_ids)) + list(one.prompt_ids) for one in asked])
    mask = torch.tensor([[0] * (width - len(one.prompt_ids)) + [1] * len(one.prompt_ids) for one in asked])
    out = model.generate(
        input_ids=ids,
        attention_mask=mask,
        generation_config=GenerationConfig(  # type: ignore[no-untyped-call]
            do_sample=True,
            top_k=0,
            top_p=1.0,
            temperature=1.0,
            max_new_tokens=new_tokens,
            pad_token_id=0,
            output_logits=True,
            return_dict_in_generate=True,
        ),
    )
    chosen = out.sequences[:, width:]
    steps = [logits.float().log_softmax(1).gather(1, chosen[:, t : t + 1]) for t, logits in enumerate(out.logits)]
    return torch.cat(steps, dim=1)


def _model(case: Case) -> Any:
    config = Qwen3Config(
        vocab_size=case.vocabulary,
        hidden_size=case.width,
        intermediate_size=3 * case.width,
        num_hidden_layers=2,
        num_attention_heads=case.heads,
        num_key_value_heads=case.heads,
        head_dim=case.width // case.heads,
        max_position_embeddings=2048,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    model: Any = Qwen3ForCausalLM(config).eval()
    model.generation_config = GenerationConfig(pad_token_id=0)  # type: ignore[no-untyped-call]
    return model


def _asked(case: Case) -> list[Asked]:
    generator = torch.Generator().manual_seed(1)
    prompts = [
        tuple(torch.randint(1, case.vocabulary, (length,), generator=generator).tolist()) for length in case.lengths
    ]
    return [Asked(prompt, GROUP * n + k) for n, prompt in enumerate(prompts) for k in range(GROUP)]


if __name__ == "__main__":
    main()
