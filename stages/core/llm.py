"""The client through which every stage asks a language model: concurrency, one repair, journal, budget.

It knows neither what is asked nor how an answer is checked; HTTP and its retries are in `http.py`, the protocol in
`wire.py`.
"""

import difflib
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeVar

from stages.core.background import BackgroundLoop
from stages.core.budget import Budget, Spent, SpentOnDisk
from stages.core.chat import CallFailure, ChatRequest, Message, Outcome, Reply, bare_answer
from stages.core.errors import ConfigError, EndpointError, Interrupted
from stages.core.http import Endpoint, HttpFailure
from stages.core.journal import OK, Entry, Journal
from stages.core.options import LlmOptions
from stages.core.wire import Answer, Dialect, read_answer, request_body, simpler

GIVE_UP_AFTER: Final = 20
"""Calls that fail one after the other, each with all its retries, before the server is taken for broken."""

FIRST_CONTACT_RETRIES: Final = 3

REPAIR_SHOWS: Final = 8000
"""Characters of a bad answer that the repair request repeats, so that an endless one does not fill the context."""

T = TypeVar("T")


def api_key(environ: Mapping[str, str]) -> str | None:
    """The key of the server: RLBFF_LLM_KEY, else OPENAI_API_KEY, else none."""
    return environ.get("RLBFF_LLM_KEY", "").strip() or environ.get("OPENAI_API_KEY", "").strip() or None
