"""Problems are collected and reported together."""

from __future__ import annotations

import pytest

from ruralpanel.contracts.problems import Problem, UserError, all_together


def test_pieces_of_work_go_on_after_a_problem_and_all_are_reported() -> None:
    done = []
    with pytest.raises(UserError) as raised, all_together() as separately:
        for name in "abcd":
            with separately():
                if name in "ac":
                    raise UserError(Problem("config.yaml", name, "nothing", "a value"))
                done.append(name)
    assert [problem.where for problem in raised.value.problems] == ["a", "c"]
    assert done == ["b", "d"]


def test_other_errors_are_not_held_back() -> None:
    with pytest.raises(ZeroDivisionError), all_together() as separately, separately():
        _ = 1 / 0
