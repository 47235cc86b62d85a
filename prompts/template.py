"""Prompt templates as files: `prompts/library/<language>/<name>.md` of ours, `prompts/…` of the project's.

A project overrides by dropping a file: `prompts/<language>/<name>.md` for one language or `prompts/<name>.md`
for all. What an override's front matter leaves out (all of it, if it likes) it takes from ours. The text for a
language is looked for as: the project's for that language, the project's for all, ours for that language;
then the same for English; then any language at all. Templates are told the language to answer in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType
from typing import Any

from bot.errors import TemplateError
from bot.events import Sampling
from prompts import front_matter, sandbox
from prompts.front_matter import Head, Variable, near

LIBRARY = Path(__file__).parent / "library"
DEFAULT_LANGUAGE = "en"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One prompt in one language. `text` is its body as written; `overridden`: the project's own."""

    name: str
    language: str
    description: str
    variables: Mapping[str, Variable]
    sampling: Sampling
    source: Path
    overridden: bool
    text: str
    code: CodeType

    def render(self, **values: Any) -> str:
        """The prompt with `values` in place; declared defaults stand in for what is not given.

        Raises `TemplateError` for a value that is missing or that the template does not know.
        """
        for name in values:
            if name not in self.variables:
                raise TemplateError(f"template {self.name!r} has no variable {name!r}{near(name, self.variables)}")
        given = {name: one.default for name, one in self.variables.items() if not one.required} | values
        missing = [name for name in self.variables if name not in given]
        if missing:
            raise TemplateError(
                f"template {self.name!r} needs a value for {', '.join(missing)}: give it, or a default in {self.source}"
            )
        try:
            return sandbox.render(self.code, given)
        except TemplateError as error:
            raise TemplateError(f"{self.source}: {error}") from None


@dataclass(frozen=True, slots=True)
class _File:
    """Where a template lies. `language` is "" for a project's file that is for all languages."""

    path: Path
    name: str
    language: str
    own: bool


class Library:
    """All templates: ours, and the project's in `folder`, which need not exist. Files are read once, when asked for."""

    def __init__(self, folder: Path | None = None) -> None:
        if folder is not None and folder.exists() and not folder.is_dir():
            raise TemplateError(f"{folder} is not a folder: put the project's prompts into a folder of that name")
        self._files = [*(_files(folder, own=True) if folder else ()), *_files(LIBRARY, own=False)]
        self._loaded: dict[_File, tuple[Template, Head]] = {}

    def names(self) -> Sequence[str]:
        """Every template's name, sorted."""
        return sorted({file.name for file in self._files})

    def languages(self, name: str) -> Sequence[str]:
        """The languages that `name` is written in; "" stands for a project's file that is for all languages."""
        return sorted({file.language for file in self._files if file.name == name})

    def get(self, name: str, language: str = DEFAULT_LANGUAGE) -> Template:
        """The template for `language`, falling back. Raises `TemplateError` when it is unknown or wrong."""
        files = [file for file in self._files if file.name == name]
        if not files:
            raise TemplateError(f"there is no template {name!r}{near(name, self.names())}")
        code = re.split("[-_]", language.strip().lower())[0]
        for wanted in (code, DEFAULT_LANGUAGE):
            for own, written in ((True, wanted), (True, ""), (False, wanted)):
                for file in files:
                    if (file.own, file.language) == (own, written) and self._serves(file, wanted):
                        return replace(self._load(file)[0], language=wanted)
        return self._load(files[0])[0]

    def check(self) -> Sequence[TemplateError]:
        """What is wrong with the templates, file by file; empty when all are good."""
        found: list[TemplateError] = []
        for file in self._files:
            try:
                self._load(file)
            except TemplateError as error:
                found.append(error)
        return found

    def _serves(self, file: _File, language: str) -> bool:
        languages = self._load(file)[1].languages
        return not languages or language in languages

    def _load(self, file: _File) -> tuple[Template, Head]:
        if file not in self._loaded:
            try:
                self._loaded[file] = self._read(file)
            except TemplateError as error:
                raise TemplateError(f"{file.path}: {error}") from None
        return self._loaded[file]

    def _read(self, file: _File) -> tuple[Template, Head]:
        head, body = front_matter.read(_text(file.path))
        base = self._base(file)
        if head is None and base is None:
            raise TemplateError("there is no front matter: begin with ---, name, description, variables, ---")
        head = _over(head or Head(), base or Head())
        if head.name != file.name:
            raise TemplateError(f"the front matter must say name: {file.name}, as the file is called")
        if file.language and head.languages and file.language not in head.languages:
            raise TemplateError(f"'languages' lacks {file.language!r}, the folder's language: add it, or move the file")
        template = Template(
            name=head.name,
            language=file.language or (head.languages or (DEFAULT_LANGUAGE,))[0],
            description=head.description,
            variables=head.variables,
            sampling=Sampling(**head.sampling),
            source=file.path,
            overridden=file.own,
            text=body.strip(),
            code=sandbox.check(body, head.variables),
        )
        return template, head

    def _base(self, file: _File) -> Head | None:
        """The head of our template that `file` overrides."""
        ours = [it for it in self._files if file.own and not it.own and it.name == file.name]
        ours.sort(key=lambda it: (it.language != file.language, it.language != DEFAULT_LANGUAGE))
        return self._load(ours[0])[1] if ours else None


def _over(head: Head, base: Head) -> Head:
    """`head`, with what it does not say taken from `base`; languages are a file's own."""
    return Head(
        name=head.name or base.name,
        description=head.description or base.description,
        languages=head.languages,
        variables={**base.variables, **head.variables},
        sampling={**base.sampling, **head.sampling},
    )


def _files(folder: Path, *, own: bool) -> Iterable[_File]:
    """The templates in `folder`: `<language>/<name>.md`, and `<name>.md` where it is the project's own."""
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*.md")) if own else ():
        if _NAME.fullmatch(path.stem) and path.stem != "readme":
            yield _File(path, path.stem, "", own)
    for path in sorted(folder.glob("*/*.md")):
        if _NAME.fullmatch(path.stem) and _LANGUAGE.fullmatch(path.parent.name):
            yield _File(path, path.stem, path.parent.name, own)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise TemplateError("the file is not UTF-8: save it as UTF-8") from None
    except OSError as error:
        raise TemplateError(f"the file cannot be read: {error.strerror}") from None
