"""Configuration: what is wrong is named with what to do; secrets come from the environment alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import SECRET_VARIABLES, load
from bot.errors import ConfigError


def written(folder: Path, text: str) -> Path:
    file = folder / "frontdesk.toml"
    file.write_text(text, "utf-8")
    return file


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(tmp_path: Path) -> None:
    """File < environment < command line."""
    file = written(tmp_path, '[server]\nport = 1\nhost = "0.0.0.0"\n[site]\nname = "File"\n')
    environ = {"FRONTDESK_SERVER__PORT": "2", "FRONTDESK_SERVER__HOST": "::1"}
    config = load(file, environ=environ, overrides={"server": {"port": 3}})
    assert (config.server.port, config.server.host, config.site.name) == (3, "::1", "File")


def test_lists_and_tables_come_from_the_environment_as_json(tmp_path: Path) -> None:
    """Every key can be set by a variable, those that are not plain values as JSON."""
    environ = {
        "FRONTDESK_WEB__ORIGINS": '["https://a.example"]',
        "FRONTDESK_WEB__LIMITS__BODY_BYTES": "2000",
        "FRONTDESK_SITE__NAME": "True North",
    }
    config = load(environ=environ)
    assert config.web.origins == ("https://a.example",)
    assert config.web.limits.body_bytes == 2000
    assert config.site.name == "True North"


def test_text_that_looks_like_a_number_stays_text_where_text_is_meant() -> None:
    """A site called 42 is called "42"."""
    assert load(environ={"FRONTDESK_SITE__NAME": "42"}).site.name == "42"


def test_folders_are_taken_from_the_files_own_folder(tmp_path: Path) -> None:
    """A project works from wherever it is started."""
    assert load(written(tmp_path, 'data = "kept"'), environ={}).data == tmp_path / "kept"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[server]\nprot = 1", "Did you mean `server.port`"),
        ("[sevrer]\nport = 1", "Did you mean `server`"),
        ("[server]\nport = 99999", "server.port"),
        ('[engine]\nkind = "gpt"', "engine.kind"),
        ("server = 3", "server"),
        ('[language]\nfixed = "Englisch"', '`language.fixed`: Should be a lower-case ISO 639-1 code such as "en"'),
        ('[language]\nfixed = "DE"', "language.fixed"),
        ('[language]\ndefault = "xx"', "`language.default`: Should be a lower-case ISO 639-1 code"),
        ('[language]\ndefault = ""', "language.default"),
        ("not toml at all [", "not valid TOML"),
        ('[web]\ntoken_secret = "x"', "FRONTDESK_WEB__TOKEN_SECRET"),
        ('[secrets]\nweb_token_secret = "x"', "environment"),
        ("data = 3", "`data` names the folder"),
        ('data = " "', "`data` names the folder"),
        ('root = "x"', "`root` is not a setting"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, text: str, says: str) -> None:
    """Each mistake names its key and what to do."""
    with pytest.raises(ConfigError, match=says.replace("`", ".")):
        load(written(tmp_path, text), environ={})


def test_languages_are_set_by_their_codes(tmp_path: Path) -> None:
    """A code that ISO 639-1 has is taken; "" leaves the choice to the visitor."""
    file = written(tmp_path, '[language]\nfixed = ""\ndefault = "zh"')
    assert load(file, environ={}).language.default == "zh"
    assert load(file, environ={"FRONTDESK_LANGUAGE__FIXED": "no"}).language.fixed == "no"


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="frontdesk init"):
        load(tmp_path / "none.toml", environ={})


@pytest.mark.parametrize("variable", SECRET_VARIABLES)
def test_a_blank_secret_stops_the_start(variable: str) -> None:
    """Law 8: a blank secret is worse than none."""
    with pytest.raises(ConfigError, match=variable):
        load(environ={variable: "  "})


def test_a_secret_shows_nowhere() -> None:
    """Neither repr, nor str, nor a dump of the configuration holds a secret."""
    config = load(environ=dict.fromkeys(SECRET_VARIABLES, "hunter2hunter2"))
    assert "hunter2" not in repr(config) + str(config) + config.model_dump_json()


def test_a_wrong_value_of_a_secret_kind_is_not_repeated(tmp_path: Path) -> None:
    """An error about the configuration repeats no secret that was put into the wrong place."""
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, '[engine.openai]\napi_key = "hunter2"'), environ={})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"FRONTDESK_SERVER__PROT": "1"}, "FRONTDESK_SERVER__PROT: .server.prot. is not a setting"),
        ({"FRONTDESK_SERVER_PORT": "1"}, "Did you mean FRONTDESK_SERVER__PORT"),
        ({"FRONTDESK_DTA": "x"}, "Did you mean FRONTDESK_DATA"),
        ({"FRONTDESK_SERVER": "x"}, "FRONTDESK_SERVER: .server."),
        ({"FRONTDESK_WEB_TOKEN_SECRET": "x"}, "Did you mean FRONTDESK_WEB__TOKEN_SECRET"),
        ({"FRONTDESK_WEB__TOKEN_SECRT": "x"}, "Did you mean FRONTDESK_WEB__TOKEN_SECRET"),
        ({"FRONTDESK_SERVER__PORT": "1", "FRONTDESK_SERVER__PORT__X": "1"}, "contradicts FRONTDESK_SERVER__PORT"),
        ({"FRONTDESK_DATA": ""}, ".data. names the folder"),
        ({"FRONTDESK_SECRETS__X": "1"}, ".secrets. is not a setting"),
    ],
)
def test_a_mistyped_variable_is_as_wrong_as_a_mistyped_key(environ: dict[str, str], says: str) -> None:
    """What was meant for us and does not work is said, with the variable's own name."""
    with pytest.raises(ConfigError, match=says):
        load(environ=environ)


def test_variables_of_others_are_left_alone() -> None:
    """An adapter's own secret, and what Kubernetes sets for a service called "frontdesk"."""
    others = ("FRONTDESK_WEBHOOK_SECRET", "FRONTDESK_PORT", "FRONTDESK_SERVICE_PORT", "FRONTDESK_PORT_8080_TCP_ADDR")
    assert load(environ=dict.fromkeys(others, "tcp://10.0.0.1:80")) == load(environ={})


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    """Some editors put one in front; one in another encoding is told how to save it."""
    file = written(tmp_path, "\ufeff[server]\nport = 9000\n")
    assert load(file, environ={}).server.port == 9000
    file.write_bytes(b"\xff\xfe[\x00")
    with pytest.raises(ConfigError, match="Save it as UTF-8"):
        load(file, environ={})
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path, environ={})
