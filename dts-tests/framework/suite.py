# SPDX-License-Identifier: BSD-3-Clause
"""Base of the suites, in the shape of DPDK's DTS: a class with set_up_suite and test cases."""

# Limits of waits are for a quiet machine: one that does something else as well has so many times as long.
PATIENCE = 4


class TestSuite:
    """`self.teiten` are the programs, `self.dir` is this test case's own directory."""

    teiten = None
    dir = None

    @classmethod
    def setup_class(cls):
        cls.set_up_suite()

    @classmethod
    def teardown_class(cls):
        cls.tear_down_suite()

    @classmethod
    def set_up_suite(cls):
        """Once before the suite's cases."""

    @classmethod
    def tear_down_suite(cls):
        """Once after them."""
