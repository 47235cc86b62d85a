"""Keeping transformers' bars and warnings off the terminal, and turning its bars into our progress."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

from huggingface_hub.utils import logging as hub_logging
from tqdm import tqdm  # type: ignore[import-untyped]  # nothing of it is used but as a base
from transformers.utils import logging as transformers_logging

from bot.engine.local.checkpoint import Progress


@contextmanager
def quiet(progress: Progress | None = None) -> Iterator[None]:
    """While it lasts, transformers and the hub's client write errors alone and bars become `progress`.

    Then all is as it was.
    """
    logging: Any = transformers_logging  # half of it has no types
    hub: Any = hub_logging
    bars = logging.is_progress_bar_enabled()
    levels = logging.get_verbosity(), hub.get_verbosity()
    logging.set_verbosity_error()
    hub.set_verbosity_error()
    logging.disable_progress_bar()
    bar = reporting_bar(progress or _nobody, "loading weights")
    set_hook: Callable[[Any], Any] = getattr(logging, "set_tqdm_hook", _no_hook)  # transformers 5
    previous = set_hook(lambda _factory, args, kwargs: bar(*args, **kwargs))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        set_hook(previous)
        logging.set_verbosity(levels[0])
        hub.set_verbosity(levels[1])
        if bars:
            logging.enable_progress_bar()


def _nobody(_what: str, _fraction: float) -> None: ...


def _no_hook(_hook: Any) -> None: ...


def reporting_bar(progress: Progress, what: str) -> type[Any]:
    """A tqdm that draws nothing and tells `progress` how far it is."""

    class Bar(tqdm):  # type: ignore[misc]  # tqdm has no types
        monitor_interval = 0  # else tqdm starts a thread

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)  # of the hub's own bars
            kwargs |= {"disable": False, "file": StringIO(), "mininterval": 0.2, "miniters": 1}
            super().__init__(*args, **kwargs)

        def display(self, *_args: Any, **_kwargs: Any) -> None:
            if self.total:
                progress(what, min(1.0, self.n / self.total))

        def clear(self, *_args: Any, **_kwargs: Any) -> None: ...

        def close(self) -> None:
            self.disable = True  # it may be closed when it is collected, long after what it told of

    return Bar
