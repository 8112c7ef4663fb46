"""How the pages that are run are read: commands, what they are shown to print, and what may stand for anything."""

from tests.support.documents import Step, is_as_shown, steps

PAGE = """
```console
$ one
1
$ two \\
    --more
$ three '{
>   "a": 1}'
{…}
```

```sh
not run
```

```python
print(4)
```
"""


def test_commands_are_read_with_their_continuations_and_output_and_other_blocks_are_passed_over() -> None:
    assert list(steps(PAGE)) == [
        Step("one", "1\n"),
        Step("two \\\n    --more", ""),
        Step("three '{\n  \"a\": 1}'", "{…}\n"),
        Step("python - <<'HERE'\nprint(4)\nHERE", ""),
    ]


def test_output_must_be_as_shown_but_for_what_stands_for_anything() -> None:
    assert is_as_shown('{"id":"job_1","n":2}\n', '{"id":"job_…","n":2}')
    assert is_as_shown("anything", "")
    assert not is_as_shown('{"id":"job_1","n":3}', '{"id":"job_…","n":2}')
    assert not is_as_shown("before\n1", "1")
