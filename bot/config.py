"""The configuration: one frozen tree, from `frontdesk.toml`, overridden by `FRONTDESK_SECTION__KEY`.

Secrets are read from the environment only (`Secrets`); one that stands in the file is refused, so that
it never lands in a repository. Every error is a `ConfigError` that names the key and what it may be.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import PydanticCustomError

from bot.environment import PREFIX, settings, variable_of
from bot.errors import ConfigError
from bot.language_codes import ISO_639_1


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Site(Section):
    """Who the bot speaks for; prompts and phrases use it."""

    name: str = "Frontdesk"
    description: str = ""
    contact: str = Field("", description="How to reach a person, as visitors should read it.")


class Server(Section):
    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    public_url: str = Field("", description="The address that visitors see, when a proxy stands in front.")
    trusted_proxies: tuple[str, ...] = Field(
        (), description="Addresses or networks whose X-Forwarded-For is believed; nobody by default."
    )
    metrics: bool = Field(True, description="Serve /metrics; a proxy should keep it from the public.")
    drain_seconds: float = Field(20, ge=0, le=600)


class Storage(Section):
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    lease_seconds: float = Field(60, gt=0)
    attempts: int = Field(10, ge=1, le=1_000, description="After so many failed attempts a message ends in Failed.")


class QuoteEngine(Section):
    delay_ms: float = Field(12, ge=0, le=1_000, description="Pause between two words, so that it reads like a model.")


class EchoEngine(Section):
    repeat: int = Field(1, ge=1, le=100_000)
    delay_ms: float = Field(0, ge=0, le=60_000, description="Pause between two deltas.")


class OpenAIEngine(Section):
    base_url: str = "http://127.0.0.1:8000/v1"
    model: str = ""
    connect_seconds: float = Field(5, gt=0)
    first_token_seconds: float = Field(60, gt=0)
    between_tokens_seconds: float = Field(30, gt=0)
    retries: int = Field(2, ge=0, le=10)
    max_concurrent: int = Field(64, ge=1)


class LocalEngine(Section):
    """What `bot.engine.local.settings.LocalSettings` holds, but for the model. 0 leaves a number to the engine."""

    revision: str = ""
    trust_remote_code: bool = Field(False, description="Run Python code that comes with the model.")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    quantization: Literal["none", "int8", "fp8"] = "none"
    kernels: Literal["auto", "torch"] = "auto"
    threads: int = Field(0, ge=0, le=4_096)
    context_tokens: int = Field(0, ge=0)
    cache_gb: float = Field(0, ge=0)
    block_tokens: int = Field(32, ge=1, le=1_024)
    max_requests: int = Field(64, ge=1, le=4_096)
    step_tokens: int = Field(0, ge=0)
    queue: int = Field(1_024, ge=1)
    prefix_cache: bool = True
    chat_template: str = Field("", description="A Jinja2 chat template for models that have none.")


class EngineConfig(Section):
    kind: Literal["quote", "echo", "openai", "local"] = "quote"
    model: str = Field("", description='The model of kind "local": a hub id or a folder.')
    ground: bool = Field(True, description="Replace a model's answer that the knowledge does not support by a quote.")
    quote: QuoteEngine = QuoteEngine()
    echo: EchoEngine = EchoEngine()
    openai: OpenAIEngine = OpenAIEngine()
    local: LocalEngine = LocalEngine()

    @property
    def models(self) -> bool:
        """Whether a language model writes the answers: what it says is held against its sources."""
        return self.kind in ("openai", "local")


class BusConfig(Section):
    busy: Literal["queue", "interrupt", "debounce", "drop"] = "queue"
    debounce_seconds: float = Field(1.5, gt=0, le=60)
    messages: int = Field(10_000, ge=1, description="Messages in the house at once, over all conversations.")
    per_conversation: int = Field(20, ge=1, description="Messages that may wait in one conversation.")
    running: int = Field(1_000, ge=1, description="Turns that run at once.")


def _language(code: str) -> str:
    """Raises for what is no code: a language's name would be taken for one, and answered in English."""
    if code not in ISO_639_1:
        raise PydanticCustomError("language", 'Should be a lower-case ISO 639-1 code such as "en", "de" or "zh"')
    return code


class LanguageConfig(Section):
    fixed: Annotated[str, AfterValidator(lambda code: code and _language(code))] = Field(
        "", description='Always answer in this language, such as "en"; empty means the visitor\'s.'
    )
    default: Annotated[str, AfterValidator(_language)] = "en"


class Privacy(Section):
    redact: tuple[Literal["email", "phone", "card", "iban"], ...] = ("email", "phone", "card", "iban")
    redact_before_model: bool = False
    phone_region: str = Field("US", description="The country whose national phone numbers are recognised.")
    retention_days: int = Field(0, ge=0, description="Conversations older than this are erased; 0 keeps them.")
    explanations: bool = Field(True, description="Keep how each answer came about, for `frontdesk explain`.")


class Memory(Section):
    window_tokens: int = Field(1_500, ge=100)
    summary_tokens: int = Field(300, ge=0)
    facts: int = Field(20, ge=0, le=200)


class Semantic(Section):
    enabled: Literal["auto", "yes", "no"] = "auto"
    model: str = Field(
        "", description="A sentence-transformers model: hub id or folder; empty means the installed one."
    )


class Rerank(Section):
    model: str = Field("", description="A sentence-transformers cross-encoder: hub id or folder; empty is off.")
    candidates: int = Field(20, ge=2, le=100, description="How many of the best passages it reads.")
    timeout_ms: float = Field(500, gt=0, le=60_000, description="Later than this the order stays as it was.")


def _synonyms(groups: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    """Raises for a group that says nothing: it is more likely a mistake than meant."""
    if any(sum(any(map(str.isalnum, word)) for word in group) < max(2, len(group)) for group in groups):
        raise PydanticCustomError("synonyms", 'Each group should be two or more words, such as ["handset", "phone"]')
    return groups


class KnowledgeConfig(Section):
    passages: int = Field(6, ge=1, le=50)
    passage_tokens: int = Field(400, ge=50, le=4_000)
    max_file_bytes: int = Field(20_000_000, ge=1)
    synonyms: Annotated[tuple[tuple[str, ...], ...], AfterValidator(_synonyms)] = Field(
        (), description="Groups of words or phrases that stand for one another here, besides those in synonyms.txt."
    )
    semantic: Semantic = Semantic()
    rerank: Rerank = Rerank()


class PromptsConfig(Section):
    answer: str = Field("answer", description="The template that answers questions.")
    context_tokens: int = Field(4_096, ge=512, description="What a whole prompt may hold.")
    question_tokens: int = Field(1_000, ge=50)
    temperature: float | None = Field(None, ge=0, le=2)
    max_tokens: int | None = Field(None, ge=1)


class WebLimits(Section):
    body_bytes: int = Field(64_000, ge=1_000)
    message_characters: int = Field(8_000, ge=1)
    address_per_minute: int = Field(120, ge=1)
    visitor_per_minute: int = Field(30, ge=1)
    site_per_minute: int = Field(6_000, ge=1)
    streams_per_visitor: int = Field(8, ge=1)
    streams_per_address: int = Field(64, ge=1)
    streams: int = Field(10_000, ge=1)


class WebConfig(Section):
    enabled: bool = True
    origins: tuple[str, ...] = Field((), description='Sites that may embed the widget: "https://example.org".')
    title: str = ""
    greeting: dict[str, str] = Field(default_factory=dict, description="By language; what the empty panel says.")
    suggestions: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="By language; example questions.")
    heartbeat_seconds: float = Field(15, gt=0)
    anonymous: bool = Field(True, description="Whether visitors without a JWT of the site may write.")
    link_hosts: tuple[str, ...] = Field((), description="Hosts that answers may link to, besides the sources' own.")
    limits: WebLimits = WebLimits()


class ApiLimits(Section):
    body_bytes: int = Field(4_000_000, ge=1_000)
    running: int = Field(256, ge=1, description="Requests at once, over all keys.")
    max_tokens: int = Field(16_384, ge=1, description="The longest answer that may be asked for.")
    answers: int = Field(8, ge=1, le=128, description="Answers to one question (`n`).")
    prompts: int = Field(16, ge=1, le=256, description="Prompts in one request to /v1/completions.")


class ApiConfig(Section):
    enabled: bool = False
    model: str = Field("", description="The model's name, as clients see it; empty takes the engine's.")
    require_key: bool = Field(True, description="Without keys the API answers this machine alone.")
    origins: tuple[str, ...] = Field((), description='Sites whose pages may call the API; "*" is every one.')
    max_tokens: int = Field(1_024, ge=1, description="The longest answer when a request does not say.")
    timeout_seconds: float = Field(600, gt=0, description="How long one request may take.")
    priority: int = Field(0, ge=-100, le=100, description="Against visitors' chats, which have 0; higher goes first.")
    turns: Literal["key", "user"] = Field("key", description="Who has a turn of its own where requests wait.")
    limits: ApiLimits = ApiLimits()


class SlackRates(Section):
    """What Slack allows an app in one workspace, by method; more where Slack has agreed to more."""

    start_per_minute: float = Field(20, gt=0, description="chat.startStream and chat.stopStream.")
    append_per_minute: float = Field(100, gt=0, description="chat.appendStream.")
    update_per_minute: float = Field(50, gt=0, description="chat.update, conversations.replies and what is as rare.")
    post_per_second: float = Field(1, gt=0, description="chat.postMessage, in each conversation.")
    other_per_minute: float = Field(100, gt=0, description="Everything else.")


class SlackLimits(Section):
    body_bytes: int = Field(1_000_000, ge=1_000)
    message_characters: int = Field(8_000, ge=1)
    files: int = Field(5, ge=0, description="Files of one message that are read.")
    file_bytes: int = Field(10_000_000, ge=1)


class SlackConfig(Section):
    enabled: bool = False
    mode: Literal["auto", "socket", "http"] = Field(
        "auto", description="How events come; by itself socket with an app token, else http."
    )
    base_url: str = Field("https://slack.com/api/", description="The API's address, as for a proxy.")
    streaming: bool = Field(True, description="Show answers while they are written.")
    teams: tuple[str, ...] = Field((), description="Workspaces that may use it, by id; empty is all.")
    channels: tuple[str, ...] = Field((), description="Channels where it answers, by id; empty is all.")
    users: tuple[str, ...] = Field((), description="People it answers, by id; empty is all.")
    bots: tuple[str, ...] = Field((), description="Bots it answers, by id; nobody by default, against loops.")
    suggestions: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="By language; prompts that the assistant's pane suggests."
    )
    client_id: str = Field("", description="For installing into many workspaces, with SLACK_CLIENT_SECRET.")
    rates: SlackRates = SlackRates()
    limits: SlackLimits = SlackLimits()


class TelegramRates(Section):
    """What Telegram lets a bot send. Changes of messages count like new ones."""

    chat_per_second: float = Field(1, gt=0, description="Into one chat.")
    group_per_minute: float = Field(20, gt=0, description="Into one group.")
    all_per_second: float = Field(30, gt=0, description="Into all chats together.")


class TelegramLimits(Section):
    body_bytes: int = Field(1_000_000, ge=1_000)
    message_characters: int = Field(8_000, ge=1)
    file_bytes: int = Field(10_000_000, ge=1)


class TelegramConfig(Section):
    enabled: bool = False
    mode: Literal["auto", "polling", "webhook"] = Field(
        "auto", description="How updates come; by itself webhook with a secret and a public address, else polling."
    )
    base_url: str = Field("https://api.telegram.org", description="The Bot API's address, as for a server of your own.")
    chats: tuple[int, ...] = Field((), description="Chats where it answers, by id; empty is all.")
    users: tuple[int, ...] = Field((), description="People it answers, by id; empty is all.")
    bots: tuple[int, ...] = Field((), description="Bots it answers, by id; nobody by default, against loops.")
    drafts: bool = Field(True, description="Show answers in private chats while they are written.")
    rich: bool = Field(True, description="Send long answers as rich messages where the server takes them.")
    inline: bool = Field(True, description="Answer inline queries.")
    rates: TelegramRates = TelegramRates()
    limits: TelegramLimits = TelegramLimits()


class HandoverConfig(Section):
    """Where people take over: a place in a channel, such as a Slack channel of the support team."""

    channel: str = Field("", description='The channel\'s name, such as "slack"; empty hands nothing over.')
    account: str = Field("", description="The workspace; empty is the only one there is.")
    conversation: str = Field("", description="The id of the conversation where cases are posted.")
    turns: int = Field(12, ge=0, le=100, description="What was said before, as shown on a case's card.")
    idle_hours: float = Field(72, ge=0, le=8_760, description="A case is returned when neither side says anything.")


class VoiceConfig(Section):
    """How recordings become text, on every channel."""

    model: str = Field("", description="A speech model of the Whisper family: hub id or folder; empty hears nothing.")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    max_seconds: float = Field(180, gt=0, le=3_600, description="The longest recording that is listened to.")
    timeout_seconds: float = Field(120, gt=0, le=3_600, description="How long hearing or seeing one thing may take.")


class TasksConfig(Section):
    """What can be asked for beside answers."""

    sentences: int = Field(0, ge=0, le=50, description="Of a summary; 0 makes it three to five, by the text's length.")
    classifier: str = Field(
        "", description="What judges tones: a file of `frontdesk train classifier`; empty means the installed one."
    )


class LogConfig(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"


class Secrets(Section):
    """Read from the environment alone; `SecretStr` keeps them out of every repr."""

    engine_openai_api_key: SecretStr | None = None
    web_token_secret: SecretStr | None = Field(None, description="Signs anonymous visitors' tokens.")
    web_identity_secret: SecretStr | None = Field(None, description="Verifies the JWT of signed-in visitors.")
    encryption_key: SecretStr | None = Field(None, description="Encrypts the tokens of installations.")
    slack_bot_token: SecretStr | None = Field(None, description="Speaks in the one workspace.")
    slack_app_token: SecretStr | None = Field(None, description="Opens Socket Mode.")
    slack_signing_secret: SecretStr | None = Field(None, description="Verifies requests of Slack.")
    slack_client_secret: SecretStr | None = Field(None, description="Installs into many workspaces.")
    telegram_bot_token: SecretStr | None = Field(None, description="Speaks as the bot.")
    telegram_webhook_secret: SecretStr | None = Field(None, description="Comes with every update to the webhook.")


class Config(Section):
    """Everything that can be set. `root` is the project's folder, `data` where what must last is kept."""

    root: Path = Path()
    data: Path = Path("data")
    site: Site = Site()
    server: Server = Server()
    storage: Storage = Storage()
    engine: EngineConfig = EngineConfig()
    bus: BusConfig = BusConfig()
    language: LanguageConfig = LanguageConfig()
    privacy: Privacy = Privacy()
    memory: Memory = Memory()
    knowledge: KnowledgeConfig = KnowledgeConfig()
    prompts: PromptsConfig = PromptsConfig()
    web: WebConfig = WebConfig()
    api: ApiConfig = ApiConfig()
    slack: SlackConfig = SlackConfig()
    telegram: TelegramConfig = TelegramConfig()
    handover: HandoverConfig = HandoverConfig()
    voice: VoiceConfig = VoiceConfig()
    tasks: TasksConfig = TasksConfig()
    log: LogConfig = LogConfig()
    adapters: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Settings of third parties' adapters, by the name of their entry point."
    )
    senses: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Settings of third parties' models that hear or see, by their entry points."
    )
    secrets: Secrets = Secrets()


SECRET_VARIABLES: Mapping[str, str] = {
    "FRONTDESK_ENGINE__OPENAI__API_KEY": "engine_openai_api_key",
    "FRONTDESK_WEB__TOKEN_SECRET": "web_token_secret",
    "FRONTDESK_WEB__IDENTITY_SECRET": "web_identity_secret",
    "FRONTDESK_ENCRYPTION_KEY": "encryption_key",
    "SLACK_BOT_TOKEN": "slack_bot_token",
    "SLACK_APP_TOKEN": "slack_app_token",
    "SLACK_SIGNING_SECRET": "slack_signing_secret",
    "SLACK_CLIENT_SECRET": "slack_client_secret",
    "TELEGRAM_BOT_TOKEN": "telegram_bot_token",
    "TELEGRAM_WEBHOOK_SECRET": "telegram_webhook_secret",
}
"""Variables and the secrets that they hold. Channels' own are called what their documentation calls them."""


def load(
    file: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """Read `file` (or nothing), lay the environment over it, then `overrides` (nested like the file).

    Relative folders are taken from the file's own folder. Raises `ConfigError`.
    """
    environ = os.environ if environ is None else environ
    tree = _read(file) if file else {}
    _refuse_secrets(tree, file)
    root = file.resolve().parent if file else Path.cwd()
    _merge(tree, settings(environ, known=_variables(), secrets=SECRET_VARIABLES))
    _merge(tree, dict(overrides or {}))
    for own in ("root", "secrets"):
        if own in tree:
            raise ConfigError(f"`{own}` is not a setting. Remove it.")
    tree["root"] = root
    tree["data"] = root / _folder(tree.get("data", "data"))
    tree["secrets"] = _secrets(environ)
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(_explain(error, file, environ)) from None


def _folder(given: Any) -> Path:
    if not isinstance(given, str) or not given.strip() or "\0" in given:
        raise ConfigError(f"`data` names the folder where conversations are kept, but it is {given!r}.")
    try:
        return Path(given).expanduser()
    except RuntimeError:
        raise ConfigError(f"`data` is {given!r}, but nobody has that home folder. Write the whole path.") from None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(
            f"There is no configuration file {file}. Make one with `frontdesk init`, or name another with --config."
        ) from None
    except OSError as error:
        raise ConfigError(
            f"The configuration file {file} cannot be read: {error.strerror}. Name another with --config."
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"The configuration file {file} is not UTF-8. Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The configuration file {file} is not valid TOML: {error}.") from None


def _refuse_secrets(tree: Mapping[str, Any], file: Path | None) -> None:
    if "secrets" in tree:
        raise ConfigError(f"Secrets stand in {file}. Remove them there and set them in the environment instead.")
    for variable in SECRET_VARIABLES:
        node: Any = tree
        for key in _path_of_secret(variable):
            node = node.get(key) if isinstance(node, Mapping) else None
        if node is not None:
            raise ConfigError(
                f"A secret stands in {file}. Remove it there and set {variable} in the environment instead."
            )


def _path_of_secret(variable: str) -> list[str]:
    """Where somebody would write a secret in the file: SLACK_BOT_TOKEN as slack.bot_token."""
    if variable.startswith(PREFIX):
        return variable.removeprefix(PREFIX).lower().split("__")
    return variable.lower().split("_", 1)


def _variables(model: type[BaseModel] = Config, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The variables of all settings and of their sections."""
    for key in _keys(list(path)):
        yield variable_of((*path, key))
        inner = model.model_fields[key].annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _variables(inner, (*path, key))


def _secrets(environ: Mapping[str, str]) -> dict[str, str]:
    found = {field: environ[variable] for variable, field in SECRET_VARIABLES.items() if variable in environ}
    for variable, field in SECRET_VARIABLES.items():
        if field in found and not found[field].strip():
            raise ConfigError(f"{variable} is set but blank. Give it a value, or unset it.")
    return found


def _merge(tree: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(tree.get(key), dict):
            _merge(tree[key], value)
        else:
            tree[key] = dict(value) if isinstance(value, Mapping) else value


def _explain(error: ValidationError, file: Path | None, environ: Mapping[str, str]) -> str:
    lines = []
    for problem in error.errors():
        path = [str(part) for part in problem["loc"]]
        name = ".".join(path)
        given = f"{variable_of(path)}: " if variable_of(path) in environ else ""
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(path[-1], _keys(path[:-1]), n=1)
            hint = (
                f" Did you mean `{'.'.join([*path[:-1], near[0]])}`?"
                if near
                else f" Known here: {', '.join(_keys(path[:-1]))}."
            )
            lines.append(f"{given}`{name}` is not a setting.{hint}")
        else:
            lines.append(f"{given}`{name}`: {problem['msg']}, but it is {problem['input']!r}.")
    where = str(file) if file else "the settings given"
    return f"The configuration ({where}) is wrong:\n  " + "\n  ".join(lines)


def _keys(path: list[str]) -> list[str]:
    model: type[BaseModel] = Config
    for key in path:
        field = model.model_fields.get(key)
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return [key for key in model.model_fields if key not in ("root", "secrets")]
