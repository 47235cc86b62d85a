"""How the file came to be what it is: an append-only list of steps.

Each runs in one transaction together with its record, so that a step that fails leaves the file as it was.
A step that was released is never changed: what it got wrong, a later step puts right.
"""

from __future__ import annotations

from pathlib import Path

from sqlite_utils.db import Database
from sqlite_utils.migrations import Migrations

from bot.errors import NewerDatabase, StorageError

APPLICATION_ID = 0x46_44_53_4B  # "FDSK": https://sqlite.org/pragma.html#pragma_application_id

steps = Migrations("frontdesk")


def outstanding(db: Database, file: Path, known: Migrations = steps) -> bool:
    """Whether `migrate` has work to do. Raises `NewerDatabase`, or `StorageError` for somebody else's file."""
    applied = {step.name for step in known.applied(db)}
    _refuse_foreign(db, file, applied)
    unknown = applied - names(known)
    if unknown:
        raise NewerDatabase(
            f"{file} was written by a newer Frontdesk (it knows {', '.join(sorted(unknown))}). "
            "Install that version again, or name another folder with --data; nothing was changed."
        )
    return bool(known.pending(db))


def migrate(db: Database, file: Path, known: Migrations = steps) -> None:
    """Bring the file up to date. Raises like `outstanding`."""
    if outstanding(db, file, known):
        known.apply(db)


def names(known: Migrations = steps) -> set[str]:
    """Every step: those that a new database still has before it."""
    new = Database(memory=True, execute_plugins=False)
    try:
        return {step.name for step in known.pending(new)}
    finally:
        new.close()


def _refuse_foreign(db: Database, file: Path, applied: set[str]) -> None:
    (identity,) = db.execute("PRAGMA application_id").fetchone()
    if identity == APPLICATION_ID or (not identity and not applied and not db.table_names()):
        return
    if not applied and db.table_names() == [Migrations.migrations_table]:
        return  # we died, once, between making the list of steps and taking the first
    raise StorageError(f"{file} is not Frontdesk's database. Move it away, or name another folder with --data.")


@steps()
def inbox_outbox_and_conversations(db: Database) -> None:
    for statement in (
        f"PRAGMA application_id={APPLICATION_ID}",
        # `version` is a mark that changes when something of the conversation is erased.
        """CREATE TABLE conversations(
            number INTEGER PRIMARY KEY,
            channel TEXT NOT NULL, account TEXT NOT NULL, conversation TEXT NOT NULL, thread TEXT NOT NULL,
            language TEXT NOT NULL DEFAULT '',
            summary TEXT NOT NULL DEFAULT '', summarised INTEGER NOT NULL DEFAULT 0,
            facts TEXT NOT NULL DEFAULT '[]', remembered_at REAL NOT NULL DEFAULT 0,
            version INTEGER NOT NULL DEFAULT (random()),
            UNIQUE(channel, account, conversation, thread))""",
        # `held_until` is null while nobody holds the work, `ended_at` until the message has ended.
        """CREATE TABLE messages(
            number INTEGER PRIMARY KEY,
            channel TEXT NOT NULL, id TEXT NOT NULL,
            conversation INTEGER NOT NULL REFERENCES conversations(number),
            sender TEXT NOT NULL, text TEXT NOT NULL, sent_at REAL NOT NULL, edited INTEGER NOT NULL,
            attachments TEXT NOT NULL, language TEXT NOT NULL,
            accepted_at REAL NOT NULL, attempt INTEGER NOT NULL DEFAULT 0, held_until REAL, ended_at REAL,
            UNIQUE(channel, id))""",
        "CREATE INDEX messages_by_conversation ON messages(conversation, number)",
        "CREATE INDEX messages_by_sender ON messages(sender)",
        "CREATE INDEX messages_waiting ON messages(number) WHERE ended_at IS NULL",
        # A message ends once: `message` is unique. Numbers are never used again: AUTOINCREMENT.
        """CREATE TABLE outbox(
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            message INTEGER NOT NULL UNIQUE REFERENCES messages(number),
            conversation INTEGER NOT NULL REFERENCES conversations(number),
            kind TEXT NOT NULL CHECK(kind IN ('reply', 'failed')),
            attempt INTEGER NOT NULL, seq INTEGER NOT NULL, text TEXT NOT NULL, citations TEXT NOT NULL,
            finish_reason TEXT NOT NULL, language TEXT NOT NULL, reason TEXT NOT NULL,
            at REAL NOT NULL, remote TEXT NOT NULL DEFAULT '', delivered INTEGER NOT NULL DEFAULT 0)""",
        "CREATE INDEX outbox_by_conversation ON outbox(conversation, number)",
        "CREATE INDEX outbox_undelivered ON outbox(number) WHERE delivered = 0",
        """CREATE TABLE turns(
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            message INTEGER NOT NULL REFERENCES messages(number),
            conversation INTEGER NOT NULL REFERENCES conversations(number),
            role TEXT NOT NULL, text TEXT NOT NULL, language TEXT NOT NULL, at REAL NOT NULL)""",
        "CREATE INDEX turns_by_conversation ON turns(conversation, number)",
        "CREATE INDEX turns_by_message ON turns(message)",
        """CREATE TABLE feedback(
            message INTEGER PRIMARY KEY REFERENCES messages(number),
            value INTEGER NOT NULL, comment TEXT NOT NULL, at REAL NOT NULL)""",
    ):
        db.execute(statement)


@steps()
def knowledge(db: Database) -> None:
    for statement in (
        """CREATE TABLE documents(
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            scope TEXT NOT NULL, location TEXT NOT NULL, title TEXT NOT NULL, language TEXT NOT NULL,
            digest TEXT NOT NULL, passages INTEGER NOT NULL, added_at REAL NOT NULL,
            UNIQUE(scope, location))""",
        """CREATE TABLE passages(
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            document INTEGER NOT NULL REFERENCES documents(number),
            text TEXT NOT NULL, title TEXT NOT NULL, heading TEXT NOT NULL, language TEXT NOT NULL,
            position INTEGER NOT NULL,
            title_terms TEXT NOT NULL, heading_terms TEXT NOT NULL, body_terms TEXT NOT NULL)""",
        "CREATE INDEX passages_by_document ON passages(document, number)",
        # The terms come analysed: they are parted by spaces and nowhere else, whatever stands in them.
        """CREATE VIRTUAL TABLE passages_index USING fts5(
            title_terms, heading_terms, body_terms, content='passages', content_rowid='number',
            tokenize="unicode61 remove_diacritics 0 categories 'L* M* N* P* S* Co'")""",
        """CREATE TABLE vectors(
            passage INTEGER NOT NULL REFERENCES passages(number), model TEXT NOT NULL, vector BLOB NOT NULL,
            PRIMARY KEY(model, passage)) WITHOUT ROWID""",
        "CREATE INDEX vectors_by_passage ON vectors(passage)",
    ):
        db.execute(statement)


@steps()
def record_and_counters(db: Database) -> None:
    db.execute(
        """CREATE TABLE audit(
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            at REAL NOT NULL, action TEXT NOT NULL, detail TEXT NOT NULL)"""
    )
    db.execute("CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID")
    for name in ("knowledge_version", "erasures_wanted", "erasures_rewritten", "erasures_done"):
        db.execute("INSERT INTO counters(name, value) VALUES(?, 0)", [name])


@steps()
def pages_of_documents(db: Database) -> None:
    db.execute("ALTER TABLE documents ADD COLUMN url TEXT NOT NULL DEFAULT ''")


@steps()
def keys_of_the_api(db: Database) -> None:
    for statement in (
        """CREATE TABLE api_keys(
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, hint TEXT NOT NULL, created_at REAL NOT NULL,
            expires_at REAL NOT NULL, revoked_at REAL NOT NULL DEFAULT 0, last_used_at REAL NOT NULL DEFAULT 0,
            requests_per_minute INTEGER NOT NULL, tokens_per_minute INTEGER NOT NULL,
            tokens_per_day INTEGER NOT NULL)""",
        "CREATE UNIQUE INDEX api_keys_in_force ON api_keys(name) WHERE revoked_at = 0",
        """CREATE TABLE api_usage(
            key INTEGER NOT NULL REFERENCES api_keys(number), day TEXT NOT NULL,
            requests INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
            last_used_at REAL NOT NULL, PRIMARY KEY(day, key)) WITHOUT ROWID""",
    ):
        db.execute(statement)


@steps()
def posts_beside_ends(db: Database) -> None:
    """The outbox anew, because its constraints change; every row, number and the count of them stays."""
    for statement in (
        """CREATE TABLE cases(
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            visitor INTEGER NOT NULL REFERENCES conversations(number),
            desk INTEGER NOT NULL REFERENCES conversations(number),
            state TEXT NOT NULL CHECK(state IN ('waiting', 'taken', 'resolved', 'returned')),
            opened_at REAL NOT NULL, agent TEXT NOT NULL, agent_name TEXT NOT NULL,
            name TEXT NOT NULL, language TEXT NOT NULL, reason TEXT NOT NULL,
            opener TEXT NOT NULL, touched_at REAL NOT NULL)""",
        "CREATE UNIQUE INDEX cases_open ON cases(visitor) WHERE state IN ('waiting', 'taken')",
        "CREATE INDEX cases_by_visitor ON cases(visitor)",
        "CREATE INDEX cases_by_desk ON cases(desk)",
        "CREATE INDEX cases_by_opener ON cases(opener)",
        "ALTER TABLE outbox RENAME TO outbox_before",
        # `message` is what brought it forth. A post has the case that it is `about`, the case as it was then in
        # `snapshot`, and an `id`; an end has none of them. `channel` is the conversation's, for the indexes.
        """CREATE TABLE outbox(
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            message INTEGER NOT NULL REFERENCES messages(number),
            conversation INTEGER NOT NULL REFERENCES conversations(number),
            channel TEXT NOT NULL,
            kind TEXT NOT NULL CHECK(kind IN ('reply', 'failed', 'said', 'notice', 'case')),
            attempt INTEGER NOT NULL DEFAULT 0, seq INTEGER NOT NULL DEFAULT 0, text TEXT NOT NULL,
            citations TEXT NOT NULL DEFAULT '[]', finish_reason TEXT NOT NULL DEFAULT '',
            language TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '',
            at REAL NOT NULL, remote TEXT NOT NULL DEFAULT '', delivered INTEGER NOT NULL DEFAULT 0,
            about INTEGER REFERENCES cases(number), id TEXT NOT NULL DEFAULT '', name TEXT NOT NULL DEFAULT '',
            snapshot TEXT NOT NULL DEFAULT '',
            CHECK((about IS NULL) = (kind IN ('reply', 'failed'))))""",
        """INSERT INTO outbox(
            number, message, conversation, channel, kind, attempt, seq, text, citations, finish_reason, language,
            reason, at, remote, delivered)
            SELECT o.number, o.message, o.conversation, c.channel, o.kind, o.attempt, o.seq, o.text, o.citations,
            o.finish_reason, o.language, o.reason, o.at, o.remote, o.delivered
            FROM outbox_before o JOIN conversations c ON c.number = o.conversation ORDER BY o.number""",
        # Numbers of rows that were erased are never used again either.
        "DELETE FROM sqlite_sequence WHERE name = 'outbox'",
        """INSERT INTO sqlite_sequence(name, seq)
            SELECT 'outbox', seq FROM sqlite_sequence WHERE name = 'outbox_before'""",
        "DROP TABLE outbox_before",
        # A message ends once; a post comes once in its channel, but for cards.
        "CREATE UNIQUE INDEX outbox_ends ON outbox(message) WHERE about IS NULL",
        "CREATE UNIQUE INDEX outbox_posts ON outbox(channel, id) WHERE kind IN ('said', 'notice')",
        "CREATE INDEX outbox_cards ON outbox(channel, id) WHERE kind = 'case'",
        "CREATE INDEX outbox_by_message ON outbox(message)",
        "CREATE INDEX outbox_by_conversation ON outbox(conversation, number)",
        "CREATE INDEX outbox_posts_by_conversation ON outbox(conversation, number) WHERE about IS NOT NULL",
        "CREATE INDEX outbox_by_case ON outbox(about) WHERE about IS NOT NULL",
        "CREATE INDEX outbox_undelivered ON outbox(number) WHERE delivered = 0",
        "CREATE INDEX outbox_undelivered_by_channel ON outbox(channel, number) WHERE delivered = 0",
    ):
        db.execute(statement)


@steps()
def what_messages_ask_for(db: Database) -> None:
    for column in ("name", "command", "replaces"):
        db.execute(f"ALTER TABLE messages ADD COLUMN {column} TEXT NOT NULL DEFAULT ''")
    db.execute("CREATE INDEX messages_by_replaced ON messages(channel, replaces) WHERE replaces <> ''")


@steps()
def sends_and_installations(db: Database) -> None:
    for statement in (
        # `about` is the case whose card this shows: it is found by its card as long as it lives.
        """CREATE TABLE sends(
            channel TEXT NOT NULL, key TEXT NOT NULL, part INTEGER NOT NULL,
            state TEXT NOT NULL CHECK(state IN ('begun', 'placed', 'done')),
            remote TEXT NOT NULL, detail TEXT NOT NULL, at REAL NOT NULL,
            about INTEGER REFERENCES cases(number),
            PRIMARY KEY(channel, key, part)) WITHOUT ROWID""",
        "CREATE INDEX sends_by_remote ON sends(channel, remote, at) WHERE remote <> ''",
        "CREATE INDEX sends_by_case ON sends(about) WHERE about IS NOT NULL",
        """CREATE TABLE installations(
            channel TEXT NOT NULL, account TEXT NOT NULL, secret BLOB NOT NULL, updated_at REAL NOT NULL,
            PRIMARY KEY(channel, account)) WITHOUT ROWID""",
    ):
        db.execute(statement)


@steps()
def preferences_and_withdrawals(db: Database) -> None:
    db.execute("ALTER TABLE conversations ADD COLUMN preferences TEXT NOT NULL DEFAULT '{}'")
    # 1 when its author deleted it after it was accepted.
    db.execute("ALTER TABLE messages ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0")


@steps()
def explanations(db: Database) -> None:
    # `since` is when the oldest thing was said that the explanation repeats: it expires with that.
    db.execute(
        """CREATE TABLE explanations(
            message INTEGER PRIMARY KEY REFERENCES messages(number),
            since REAL NOT NULL, explanation TEXT NOT NULL)"""
    )
    db.execute("CREATE INDEX explanations_by_since ON explanations(since)")


@steps()
def opinions_of_each_person(db: Database) -> None:
    """Who gave an opinion was not kept before: whoever asked is taken for them, so that theirs replaces it."""
    for statement in (
        "ALTER TABLE feedback RENAME TO feedback_before",
        """CREATE TABLE feedback(
            message INTEGER NOT NULL REFERENCES messages(number), sender TEXT NOT NULL,
            value INTEGER NOT NULL, comment TEXT NOT NULL, at REAL NOT NULL,
            PRIMARY KEY(message, sender)) WITHOUT ROWID""",
        """INSERT INTO feedback(message, sender, value, comment, at)
            SELECT f.message, m.sender, f.value, f.comment, f.at
            FROM feedback_before f JOIN messages m ON m.number = f.message""",
        "DROP TABLE feedback_before",
        "CREATE INDEX feedback_by_sender ON feedback(sender)",
    ):
        db.execute(statement)


@steps()
def attached_files_apart(db: Database) -> None:
    """Two full-text indexes, so that how common words are for everybody tells nothing of what visitors attached."""
    for statement in (
        """CREATE VIRTUAL TABLE attached_index USING fts5(
            title_terms, heading_terms, body_terms, content='passages', content_rowid='number',
            tokenize="unicode61 remove_diacritics 0 categories 'L* M* N* P* S* Co'")""",
        """INSERT INTO attached_index(rowid, title_terms, heading_terms, body_terms)
            SELECT p.number, title_terms, heading_terms, body_terms
            FROM passages p JOIN documents d ON d.number = p.document WHERE d.scope <> ''""",
        """INSERT INTO passages_index(passages_index, rowid, title_terms, heading_terms, body_terms)
            SELECT 'delete', p.number, title_terms, heading_terms, body_terms
            FROM passages p JOIN documents d ON d.number = p.document WHERE d.scope <> ''""",
        "CREATE VIRTUAL TABLE passages_terms USING fts5vocab('passages_index', 'row')",
        "INSERT INTO counters(name, value) VALUES('passages_removed', 0)",
    ):
        db.execute(statement)


@steps()
def how_long_passages_hold(db: Database) -> None:
    for column in ("updated", "valid_until"):
        db.execute(f"ALTER TABLE passages ADD COLUMN {column} TEXT NOT NULL DEFAULT ''")


@steps()
def corrections(db: Database) -> None:
    for statement in (
        """CREATE TABLE corrections(
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            state TEXT NOT NULL CHECK(state IN ('draft', 'approved', 'rejected', 'dismissed')),
            question TEXT NOT NULL, also TEXT NOT NULL, answer TEXT NOT NULL, language TEXT NOT NULL,
            location TEXT NOT NULL, author TEXT NOT NULL, written_at REAL NOT NULL,
            decided_by TEXT NOT NULL, decided_at REAL NOT NULL)""",
        # What was not answered well is found without going through everything that was.
        "CREATE INDEX outbox_declined ON outbox(message) WHERE finish_reason = 'declined'",
        "CREATE INDEX feedback_negative ON feedback(message) WHERE value < 0",
    ):
        db.execute(statement)


@steps()
def what_documents_call_by_two_names(db: Database) -> None:
    db.execute("ALTER TABLE documents ADD COLUMN aliases TEXT NOT NULL DEFAULT '[]'")


@steps()
def who_said_it(db: Database) -> None:
    db.execute("ALTER TABLE turns ADD COLUMN name TEXT NOT NULL DEFAULT ''")


@steps()
def idle_cases(db: Database) -> None:
    db.execute("CREATE INDEX cases_idle ON cases(touched_at) WHERE state IN ('waiting', 'taken')")
