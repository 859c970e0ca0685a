"""The table of attributes and their cases (README.md here) names no case that is not there."""

import pathlib
import re

HERE = pathlib.Path(__file__).parent


def test_each_case_that_the_table_names_exists():
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", (HERE / "README.md").read_text())
    assert len(named) > 60
    missing = [f"{file}::{case}" for file, case in named
               if f"\ndef {case}(" not in (HERE / file).read_text()]
    assert missing == []
