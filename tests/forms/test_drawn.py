"""The forms that the front end's tests draw are those that are made here."""

from __future__ import annotations

import pytest

from tests.forms import make
from tests.forms.samples import errors_of


def test_the_file_is_what_would_be_written_now() -> None:
    assert make.FILE.read_text() == make.text(), "python -m tests.forms.make"


@pytest.mark.parametrize("name", [name for name, (_, filled) in make.forms().items() if filled == {}])
def test_a_form_of_open_choices_is_refused_untouched(name: str) -> None:
    form, filled = make.forms()[name]
    assert set(errors_of(form, filled)) == set(form.schema["required"])
