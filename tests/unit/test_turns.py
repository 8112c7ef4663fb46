"""How tests are shared out: whole files, one unit for those on one running service, the slow ones first."""

from tests.support.turns import turns_of, unit


def test_the_files_of_a_folder_on_one_running_service_stay_together() -> None:
    shared = {unit(f"tests/acceptance/{name}.py") for name in ("test_promises", "test_examples", "test_command_line")}

    assert shared == {"tests/acceptance: the service"}
    assert unit("tests/faults/whole/test_crashes.py") == "tests/faults/whole: the service"


def test_a_file_that_starts_its_own_is_shared_with_nobody() -> None:
    for path in ("tests/acceptance/test_up.py", "tests/faults/whole/test_the_planted_bug.py"):
        assert unit(path) == path


def test_what_waits_longest_comes_first_and_units_are_not_torn_apart() -> None:
    quick, promises = "tests/unit/test_turns.py", "tests/acceptance/test_promises.py"
    up, examples, views = (
        "tests/acceptance/test_up.py",
        "tests/acceptance/test_examples.py",
        "tests/faults/views/test_sigkill.py",
    )

    in_turn = turns_of([quick, views, promises, quick, up, examples])

    assert in_turn == [2, 5, 4, 1, 0, 3]
