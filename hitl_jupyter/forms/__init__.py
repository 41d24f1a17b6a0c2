"""Python types as forms: JSON Schema and layout for the browser, and a check that gives the author's own value back.

Imports pydantic, so it is for author and worker code only; the server never imports it. What the engine and a task
without forms need of it lives apart: :mod:`hitl_jupyter.masking` and :mod:`hitl_jupyter.projection`.
"""

from hitl_jupyter.forms.form import Form, Text, choice_form, form_for, parameters_form
from hitl_jupyter.masking import has_secrets, mask
from hitl_jupyter.projection import project

__all__ = ["Form", "Text", "choice_form", "form_for", "has_secrets", "mask", "parameters_form", "project"]
