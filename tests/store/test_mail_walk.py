"""All stored mails in pages, and mails found by the tokens in their subjects."""

from __future__ import annotations

import pytest

from domain.ours import incident_key
from store import mail_rows
from store.connection import StorageConnection
from tests.store.link_support import stores
from tests.store.support import FakeVault, mail


def test_walk_meets_every_mail_of_every_mailbox_once(
    connection: StorageConnection, vault: FakeVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_rows, "_WALKED_ROWS", 7)
    kept = stores(connection, vault)
    mails = [mail(number, box) for number in range(12) for box in ("default", "second")]
    kept.stored(*mails)
    met: list[str] = []
    cursor: str | None = None
    while True:
        page, cursor = kept.links.walk(cursor)
        assert len(page) <= 7
        met += [one.mail.id for one in page]
        if cursor is None:
            break
    assert sorted(met) == sorted(one.id for one in mails)


def test_walk_of_nothing_is_empty_and_a_made_up_cursor_is_refused(
    connection: StorageConnection, vault: FakeVault
) -> None:
    kept = stores(connection, vault)
    assert kept.links.walk(None) == ([], None)
    with pytest.raises(ValueError, match="cursor"):
        kept.links.walk("' or true or '")


def test_mails_are_found_by_the_incident_of_their_token_in_any_case(
    connection: StorageConnection, vault: FakeVault
) -> None:
    kept = stores(connection, vault)
    digest = kept.mails.keyed_hash(incident_key("INC-1"))
    other = kept.mails.keyed_hash(incident_key("INC-2"))
    one, two = kept.stored(mail(1), mail(2))
    for _ in range(2):
        kept.links.index_tokens([(digest, one.mail.id), (digest, two.mail.id), (other, two.mail.id)])
    same = kept.mails.keyed_hash(incident_key("inc-1"))
    found = kept.links.naming([same, other])
    assert {key: set(ids) for key, ids in found.items()} == {
        digest: {one.mail.id, two.mail.id},
        other: {two.mail.id},
    }
