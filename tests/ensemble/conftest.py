"""What tests of growing forests share."""

from __future__ import annotations

import threading

import pytest

from tests.ensemble.growing import GATES


@pytest.fixture
def gates():
    GATES.update(begun=threading.Event(), go=threading.Event())
    yield GATES
    GATES["go"].set()
