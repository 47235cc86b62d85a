"""Templates: strict, sandboxed, overridable, and clear about what is wrong in which file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import TemplateError
from prompts.template import LIBRARY, Library
from prompts.tokens import estimate_tokens

SUPPLIED = {
    "site_name": "Lumen",
    "site_description": "A shop for lamps.",
    "contact": "help@lumen.example",
    "language": "en",
    "language_name": "English",
    "today": "2026-01-31",
    "knowledge": "<passage>KNOWLEDGE</passage>",
    "summary": "SUMMARY",
    "facts": "FACTS",
}
"""What composing supplies: every template of ours must do with these and its own defaults."""

NAMES = [
    *("answer", "customer_service", "decline", "hand_over", "sentiment", "small_talk", "standalone"),
    *("summarize", "summary", "translate", "write_article", "write_email", "write_product"),
]


def project(tmp_path: Path, name: str, text: str) -> Library:
    file = tmp_path / "prompts" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return Library(tmp_path / "prompts")


def body(tmp_path: Path, text: str, variables: str = "x: anything") -> Library:
    return project(tmp_path, "mine.md", f"---\nname: mine\nvariables:\n  {variables}\n---\n{text}\n")


def test_the_library_has_what_was_promised_in_both_languages() -> None:
    """Every template exists in English and Chinese, and all files are good."""
    library = Library()
    assert library.names() == NAMES
    assert library.check() == []
    assert {path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*.md")} == {
        f"{language}/{name}.md" for name in NAMES for language in ("en", "zh")
    }


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_every_template_renders_and_is_the_same_in_both_languages(name: str, language: str) -> None:
    """With all values or only the required ones; both languages take the same variables and sampling."""
    template = Library().get(name, language)
    values = {key: value for key, value in SUPPLIED.items() if key in template.variables}
    required = {key: value for key, value in values.items() if template.variables[key].required}
    full, least = template.render(**values), template.render(**required)
    for key, value in values.items():
        assert value in full, key
    assert "{{" not in full + least
    assert "{%" not in full + least
    assert "\n\n\n" not in full + least
    assert estimate_tokens(least) < 450, "a template must leave room in a small context"
    assert template.description
    assert all(one.description for one in template.variables.values())
    english = Library().get(name, "en")
    assert template.variables.keys() == english.variables.keys()
    assert template.sampling == english.sampling
    assert (template.language, template.overridden) == (language, False)


def test_languages_fall_back() -> None:
    """A region falls back to its language, an unknown language to English."""
    library = Library()
    assert library.get("answer", "zh-Hant-TW").language == "zh"
    assert library.get("answer", "de").language == "en"
    assert "in Deutsch" in library.get("answer", "de").render(site_name="L", language_name="Deutsch")


def test_a_project_overrides_by_dropping_a_file(tmp_path: Path) -> None:
    """Without front matter an override keeps our variables and sampling; other languages keep ours."""
    library = project(tmp_path, "en/answer.md", "Only this, {{ site_name }}, in {{ language_name }}.")
    mine = library.get("answer", "en")
    assert mine.render(site_name="A", language_name="B") == "Only this, A, in B."
    assert mine.overridden
    assert mine.source == tmp_path / "prompts" / "en" / "answer.md"
    assert mine.sampling == Library().get("answer").sampling
    assert not library.get("answer", "zh").overridden
    assert library.get("answer", "de").overridden, "German falls back to English, which is the project's"


def test_an_override_for_all_languages_and_its_limits(tmp_path: Path) -> None:
    """A file at the top serves every language, or those it names; one for the language itself wins."""
    project(tmp_path, "zh/answer.md", "中文")
    library = project(tmp_path, "answer.md", "---\nsampling: {temperature: 1}\n---\nall")
    assert library.get("answer", "de").render(site_name="", language_name="") == "all"
    assert library.get("answer", "de").sampling.temperature == 1
    assert library.get("answer", "de").sampling.max_tokens == Library().get("answer").sampling.max_tokens
    assert library.get("answer", "zh").render(site_name="", language_name="") == "中文"
    library = project(tmp_path, "decline.md", "---\nlanguages: [de, fr]\n---\nnur hier")
    assert library.get("decline", "fr").overridden
    assert not library.get("decline", "es").overridden
    assert library.get("decline", "fr").language == "fr"


def test_a_template_of_the_projects_own(tmp_path: Path) -> None:
    """It needs front matter; where the visitor's language and English are missing, any language serves."""
    library = project(tmp_path, "de/hilfe.md", "---\nname: hilfe\nvariables: {n: {default: 3}}\n---\n{{ n }} Tipps")
    assert "hilfe" in library.names()
    assert library.get("hilfe", "es").render() == "3 Tipps"
    assert library.get("hilfe", "es").language == "de"
    assert library.languages("answer") == ["en", "zh"]


def test_other_files_in_the_folder_are_no_templates(tmp_path: Path) -> None:
    """Notes, packages and a missing folder do no harm; a file in the folder's place is named."""
    for name in ("README.md", "Notes for us.md", "library/en/answer.md", "knowledge/x.md", "en/.hidden.md"):
        project(tmp_path, name, "x")
    assert Library(tmp_path / "prompts").names() == NAMES
    assert Library(tmp_path / "missing").names() == NAMES
    (tmp_path / "file").write_text("")
    with pytest.raises(TemplateError, match="is not a folder"):
        Library(tmp_path / "file")


@pytest.mark.parametrize("name", ["../../etc/passwd", "answer.md", "", "ANSWER", "anwser"])
def test_an_unknown_name_is_answered_with_near_ones(name: str) -> None:
    """Names never become paths; the error says what there is."""
    with pytest.raises(TemplateError, match=r"there is no template.*answer"):
        Library().get(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "---\nname: mine\nvariables:\n  topic: x\n---\n\n{{ topic }}\n{{ tpoic }}",
            r"mine.md: line 8: .*'tpoic'.*topic",
        ),
        ("---\nname: mine\n---\nfine\n{% if x %}", r"line \d: .*if"),
        ("---\nname: mine\n---\n{{ 1 + }}", "line 4: "),
        ("---\nname: other\n---\nx", "must say name: mine"),
        ("no head", "no front matter"),
        ("---\nname: mine\nx", "no end"),
        ("---\nname: [mine\n---\nx", "not YAML in line"),
        ("---\n- a\n---\nx", "not a mapping"),
        ("---\nname: mine\nlanguage: en\n---\nx", "unknown key 'language'.*languages"),
        ("---\nname: mine\nname: mine\n---\nx", "'name' twice"),
        ("---\nname: mine\nlanguages: English\n---\nx", "two letters"),
        ("---\nname: mine\nvariables: [a]\n---\nx", "'variables'"),
        ("---\nname: mine\nvariables: {a-b: x}\n---\nx", "'a-b'"),
        ("---\nname: mine\nvariables: {loop: x}\n---\nx", "'loop'"),
        ("---\nname: mine\nvariables: {a: {defualt: x}}\n---\nx", "did you mean default"),
        ("---\nname: mine\nvariables: {a: {default: {b: c}}}\n---\nx", "default of variable 'a'"),
        ("---\nname: mine\nsampling: {temprature: 1}\n---\nx", "'temprature': did you mean temperature"),
        ("---\nname: mine\nsampling: {temperature: hot}\n---\nx", "a number from 0 to 2, not 'hot'"),
        ("---\nname: mine\nsampling: {temperature: .nan}\n---\nx", "a number from 0 to 2"),
        ("---\nname: mine\nsampling: {top_k: true}\n---\nx", "whole number"),
        ("---\nname: mine\nsampling: {stop: x}\n---\nx", "list of at most 16"),
        ("---\nname: mine\nsampling: 3\n---\nx", "'sampling'"),
        ("---\nname: &a [*a]\n---\nx", "must be text"),
        ("---\nname: !!python/object/apply:os.system [ls]\n---\nx", "not YAML"),
        ("---\nname: mine\n---\n{% include 'a' %}", "line 4: a template cannot include"),
        ("---\nname: mine\n---\n{% macro m() %}{{ m() }}{% endmacro %}", "cannot define macros"),
        ("---\nname: mine\n---\n{{ lipsum(9) }}", "unknown variable 'lipsum'"),
        ("---\nname: mine\n---\n{{ 'a'|center(9) }}", "line 4: .*center"),
        ("---\nname: mine\n---\n" + "{% for a in [1] %}" * 3 + "{% endfor %}" * 3, "at most 2 deep"),
        ("---\nname: mine\n---\n" + "x" * 200_000, "more than 100000"),
        ("---\nname: mine\n---\n" + "{{" + "(" * 5_000 + "1" + ")" * 5_000 + "}}", "too deeply"),
    ],
)
def test_a_wrong_file_is_told_by_name_and_line(tmp_path: Path, text: str, message: str) -> None:
    """Whatever is wrong is found when the template is loaded, and said with the file."""
    library = project(tmp_path, "mine.md", text)
    with pytest.raises(TemplateError, match=message) as caught:
        library.get("mine")
    assert "mine.md" in str(caught.value)
    assert [str(error) for error in library.check()] == [str(caught.value)]


def test_a_file_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    """Bytes that are no text end in a sentence; a byte order mark and Windows line ends do no harm."""
    project(tmp_path, "mine.md", "")
    (tmp_path / "prompts" / "mine.md").write_bytes(b"---\nname: mine\n---\n\xff\xfe")
    with pytest.raises(TemplateError, match="not UTF-8"):
        Library(tmp_path / "prompts").get("mine")
    (tmp_path / "prompts" / "mine.md").write_bytes(b"\xef\xbb\xbf---\r\nname: mine\r\n---\r\nyes\r\n")
    assert Library(tmp_path / "prompts").get("mine").render() == "yes"


def test_values_are_checked_when_rendering(tmp_path: Path) -> None:
    """A missing value is named, an unknown one too, and a missing attribute comes with its line."""
    template = body(tmp_path, "a\n{{ x }}").get("mine")
    with pytest.raises(TemplateError, match=r"needs a value for x.*mine\.md"):
        template.render()
    with pytest.raises(TemplateError, match="no variable 'X'"):
        template.render(X=1)
    with pytest.raises(TemplateError, match=r"mine\.md: line 7: .*no attribute 'y'"):
        body(tmp_path, "a\n{{ x.y }}").get("mine").render(x="text")


@settings(deadline=None)
@given(st.text(max_size=60))
def test_a_value_is_never_read_as_a_template(value: str) -> None:
    """What a visitor writes goes into the prompt as it is, braces, tags and all."""
    for text in (value, "{{ 7 * 7 }}{% raw %}" + value, "<b>&amp;" + value):
        rendered = Library().get("decline").render(site_name="S", language_name="E", reason=f"|{text}|")
        assert f"|{text}|" in rendered


@pytest.mark.parametrize(
    "attack",
    [
        "{{ x.__class__ }}",
        "{{ x['__class__'] }}",
        "{{ x|map(attribute='__class__')|join }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ x.__init__.__globals__ }}",
        "{{ range.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ '{0.__class__}'.format(x) }}",
        "{{ '{a.__class__}'.format_map({'a': x}) }}",
        "{{ ('%s' % x).__class__ }}",
        "{{ x|attr('__class__') }}",
        "{{ x.append(1) }}",
        "{{ {'a': 1}.update({'b': 2}) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ namespace }}",
        "{{ x() }}",
        "{{ range(100000)|list }}",
        "{% for i in range(1000) %}{% for j in range(1000) %}{{ 'xxxxxxxxxx' }}{% endfor %}{% endfor %}",
        "{{ 'a' * 1000000000 }}",
        "{{ [0] * 1000000000 }}",
        "{{ 9 ** 999999999 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ 'a'.ljust(1000000000) }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{{ 'aaaa'|replace('a', 'a' * 9)|replace('', x) }}",
        "{{ 1 / 0 }}",
        "{{ 'a' + 1 }}",
        "{{ 'a'|truncate(-5) }}",
        "{{ x|map('attr', '__class__')|list }}",
        "{% for i in x recursive %}{{ loop(x) }}{% endfor %}",
    ],
)
def test_the_sandbox_holds(tmp_path: Path, attack: str) -> None:
    """Python's insides, changes to values and unbounded work end in a TemplateError."""
    value: list[object] = ["a"]
    with pytest.raises(TemplateError):
        body(tmp_path, attack).get("mine").render(x=value)
    assert value == ["a"]


def test_what_a_prompt_needs_is_allowed(tmp_path: Path) -> None:
    """Loops with their counter, filters, tests, methods of texts and lists, and arithmetic."""
    text = (
        "{% for i in x if i is string %}{{ loop.index }}{{ loop.cycle('a', 'b') }}{{ i.upper() }} {% endfor %}"
        "{{ x|join(', ') }} {{ (2 * 3 + 1) // 2 }} {{ 'ab'|replace('a', 'c') }} "
        "{{ range(3)|list|length }} {{ 2.5|round }}"
    )
    assert body(tmp_path, text).get("mine").render(x=["q", 1]) == "1aQ q, 1 3 cb 3 2.0"
