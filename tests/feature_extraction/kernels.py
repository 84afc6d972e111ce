"""The kernels of the core, each of which must give the same answers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shardfit._rust import available_kernels, kernel_in_use, use_kernel

__all__ = ["KERNELS", "given_and_kernel", "using"]

KERNELS = available_kernels()


@contextmanager
def using(kernel: str) -> Iterator[None]:
    """Let this process use a kernel for a while."""
    before = kernel_in_use()
    use_kernel(kernel)
    try:
        yield
    finally:
        use_kernel(before)


def given_and_kernel(*strategies: st.SearchStrategy[Any]) -> Callable[..., Any]:
    """Do as hypothesis' ``given`` does, and draw the kernel to use meanwhile."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def run(kernel: str, *arguments: Any) -> None:
            with using(kernel):
                test(*arguments)

        signature = inspect.signature(test)
        kernel = inspect.signature(run, follow_wrapped=False).parameters["kernel"]
        run.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[kernel, *signature.parameters.values()]
        )
        return given(st.sampled_from(KERNELS), *strategies)(run)

    return decorate
