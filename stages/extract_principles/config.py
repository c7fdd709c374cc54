"""Options of extract-principles: the one definition behind the command line, the YAML file and the Python call.

Paths and URLs are marked operational: what counts is what is in the files and which model answers, and `run.py` adds
both to the fingerprint.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from stages.core.errors import ConfigError
from stages.core.options import OPERATIONAL, LlmOptions, Panel, RunOptions, check_range

Layout = Literal["auto", "feedback", "helpsteer3-feedback", "helpsteer3-principle", "helpsteer3-preference"]

_CONSENSUS = Panel("Consensus between annotators")


@dataclass(frozen=True, kw_only=True)
class ExtractPrinciplesConfig:
    """Extract yes/no principles, with evidence, from natural-language feedback."""

    inputs: Annotated[tuple[str, ...], "Feedback: files, folders, globs, URLs, or - for paths on stdin.", OPERATIONAL]
    out: Annotated[Path | None, "Output folder; default <stem of the first input>.principles.", "-o", OPERATIONAL] = (
        None
    )
    layout: Annotated[Layout, "How the input's columns are to be read."] = "auto"
    with_response: Annotated[bool, "Show conversation and response to the model beside the feedback."] = False
    evidence_threshold: Annotated[float, "Keep evidence that matches the feedback better than this, 0 to 100."] = 60.0
    artefact: Annotated[tuple[str, ...], "Principles to drop by name; repeatable."] = ("helpfulness",)
    consensus: Annotated[Literal["auto", "on", "off"], "Keep only what every other annotator says too.", _CONSENSUS] = (
        "auto"
    )
    consensus_threshold: Annotated[float, "Two principles match above this cosine.", _CONSENSUS] = 0.8
    consensus_label: Annotated[Literal["same", "any"], "Must matched annotators agree on the verdict?", _CONSENSUS] = (
        "same"
    )
    consensus_wording: Annotated[
        Literal["medoid", "first"], "Which wording of a matched group survives.", _CONSENSUS
    ] = "medoid"
    consensus_group: Annotated[
        Literal["component", "clique"], "What makes matched principles one group.", _CONSENSUS
    ] = "component"
    consensus_others: Annotated[
        Literal["everyone", "surviving"],
        "Other annotators: all with feedback, or those with principles left.",
        _CONSENSUS,
    ] = "everyone"
    embedder: Annotated[str, "ngram (built in), an OpenAI-compatible URL, or local:MODEL.", OPERATIONAL, _CONSENSUS] = (
        "ngram"
    )
    embed_model: Annotated[
        str | None, "Model name at the embedder's URL; default: the only one listed.", OPERATIONAL, _CONSENSUS
    ] = None
    embed_prefix: Annotated[str, "Instruction put before each principle that is embedded.", _CONSENSUS] = ""
    taxonomy: Annotated[Path | None, "YAML file of an earlier run, edited: merge, rename, drop, cap.", OPERATIONAL] = (
        None
    )
    llm: Annotated[LlmOptions, Panel("Language model")] = field(default_factory=LlmOptions)
    run: Annotated[RunOptions, Panel("Run")] = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ConfigError("No input: name a file, a folder, a glob, a URL, or - to read paths from stdin.")
        check_range("evidence_threshold", self.evidence_threshold, 0, 100)
        check_range("consensus_threshold", self.consensus_threshold, -1, 1)
