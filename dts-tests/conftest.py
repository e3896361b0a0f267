# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of all suites."""
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from framework.programs import Programs  # noqa: E402

os.umask(0o022)  # cases look at modes, and let others read what they make


@pytest.fixture(scope="session")
def programs():
    return Programs.from_environment()


@pytest.fixture(autouse=True)
def bind_suite(request, programs, tmp_path):
    """Gives each test case its programs and an empty directory, as self.teiten and self.dir."""
    if request.instance is not None:
        request.instance.teiten = programs
        request.instance.dir = tmp_path
