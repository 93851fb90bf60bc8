"""Forms: fields with labels, checked values, and messages beside what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree
from pyramid.csrf import get_csrf_token
from pyramid.request import Request

from karl.intranet.html import h
from karl.intranet.page import Page


@dataclass(frozen=True)
class Field:
    """One entry of a form.

    control: ``text``, ``email``, ``area``, ``select`` or ``file``.
    choices: value to label, for ``select``.
    """

    name: str
    label: str
    control: str = "text"
    required: bool = False
    longest: int = 200
    hint: str = ""
    choices: Mapping[str, str] | None = None


class Form:
    """The form of one request: shown first, then sent, and perhaps shown again."""

    def __init__(
        self,
        request: Request,
        fields: Sequence[Field],
        stored: Mapping[str, str] | None = None,
    ) -> None:
        self.request = request
        self.fields = fields
        self.sent = request.method == "POST"
        self.values = dict(stored or {})
        self.errors: dict[str, str] = {}
        if self.sent:
            self._read()

    @property
    def accepted(self) -> bool:
        """Whether it was sent and everything in it is right."""
        return self.sent and not self.errors

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def refuse(self, name: str, message: str) -> None:
        """Say what is wrong with the field ``name``."""
        self.errors[name] = message

    def _read(self) -> None:
        for field in self.fields:
            entered = self.request.POST.get(field.name, "")
            if field.control == "file":
                if not hasattr(entered, "filename"):
                    self.refuse(field.name, "Please choose a file.")
                continue
            # A field may have been sent as a file, or twice.
            value = entered.strip() if isinstance(entered, str) else ""
            self.values[field.name] = value
            if error := _wrong(field, value):
                self.refuse(field.name, error)

    def page(self, title: str, button: str, cancel: Any) -> Page:
        """The page with this form; ``cancel`` is the content to go back to."""
        upload = any(field.control == "file" for field in self.fields)
        content = h(
            "form",
            h(
                "input",
                type="hidden",
                name="csrf_token",
                value=get_csrf_token(self.request),
            ),
            [_row(field, self.values, self.errors) for field in self.fields],
            h(
                "p",
                h("button", button, type="submit"),
                " ",
                h("a", "Cancel", href=self.request.resource_path(cancel)),
                class_="buttons",
            ),
            method="post",
            action=self.request.path,
            enctype="multipart/form-data" if upload else None,
            class_="editor",
        )
        return Page(title, content, kind="form", status=422 if self.errors else 200)


def _wrong(field: Field, value: str) -> str | None:
    if field.required and not value:
        return "Please fill this in."
    if len(value) > field.longest:
        return f"At most {field.longest} characters, please."
    if field.choices is not None and value and value not in field.choices:
        return "Please choose one from the list."
    if field.control == "email" and value and "@" not in value:
        return "That is not an e-mail address."
    return None


def tags_of(entered: str) -> tuple[str, ...]:
    """The tags in a comma-separated line."""
    return tuple(sorted({tag.strip().lower() for tag in entered.split(",")} - {""}))


def _row(
    field: Field, values: Mapping[str, str], errors: Mapping[str, str]
) -> etree._Element:
    error = errors.get(field.name)
    return h(
        "div",
        h("label", field.label, for_=f"field-{field.name}"),
        _control(field, values.get(field.name, "")),
        h("p", field.hint, class_="hint") if field.hint else None,
        h("p", error, class_="error", role="alert") if error else None,
        class_="field wrong" if error else "field",
    )


def _control(field: Field, value: str) -> etree._Element:
    common: dict[str, Any] = {
        "id": f"field-{field.name}",
        "name": field.name,
        "required": "required" if field.required else None,
    }
    if field.control == "area":
        # Browsers drop the first newline of a textarea.
        return h("textarea", "\n" + value, rows="16", **common)
    if field.control == "select":
        return select(field.choices or {}, value, **common)
    return h(
        "input",
        type=field.control,
        value=None if field.control == "file" else value,
        maxlength=None if field.control == "file" else str(field.longest),
        **common,
    )


def select(
    choices: Mapping[str, str], value: str, *, empty: str = "", **attributes: Any
) -> etree._Element:
    """A list to choose from; nothing chosen is labelled ``empty``."""
    options = {"": empty, **choices}
    return h(
        "select",
        [
            h("option", label, value=key, selected="selected" if key == value else None)
            for key, label in options.items()
        ],
        **attributes,
    )
