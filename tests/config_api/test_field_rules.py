"""The rules of single fields, for any text: taken or refused with a reason, never anything else, and what is
taken stays what it is when it is sent again."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from config_api.addresses import ascii_host, ip_literal, mail_domain, smtp_address
from config_api.mailbox_form import MailboxForm
from config_api.mailbox_ids import is_mailbox_id, mailbox_id
from config_api.mistakes import FieldMistakeError
from config_api.server_address import ServerAddress, parse_server_address
from tests.config_api.forms import mailbox_form

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True).filter(
    lambda label: not label.startswith("xn--")
)
DOMAIN = st.builds(
    lambda labels, last: ".".join([*labels, last]),
    st.lists(LABEL, min_size=1, max_size=3),
    st.from_regex("[a-z]{2,10}", fullmatch=True),
)
INTERNATIONAL_DOMAIN = st.builds(
    lambda word, last: f"{word}.{last}",
    st.text("äöüßéçñøåčšžабвгдежзиклмнопрст例子用户日本語", min_size=1, max_size=10),
    st.sampled_from(["example", "рф", "中国"]),
)
ATOM = st.text(
    string.ascii_letters + string.digits + "!#$%&'*+-/=?^_`{|}~äöüéß用户例日本", min_size=1, max_size=15
)
LOCAL = st.lists(ATOM, min_size=1, max_size=2).map(".".join).filter(lambda local: len(local.encode()) <= 64)
_HOSTILE_CHARS = "ab.@-:/\\[]%\r\n\0 \u202e\u00ad\u3002\uff0e\u06610x127"
HOSTILE = st.text(max_size=80) | st.text(_HOSTILE_CHARS, max_size=40)


def said(check: Callable[[str], object], text: str) -> object:
    """What the check makes of it; None where it refuses, with a code and words."""
    try:
        return check(text)
    except FieldMistakeError as mistake:
        refused = mistake
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]+", refused.code)
    assert refused.detail
    return None


@given(DOMAIN | INTERNATIONAL_DOMAIN)
def test_every_domain_is_taken_in_any_case_and_with_a_final_dot(domain: str) -> None:
    host = ascii_host(domain)
    assert host.isascii()
    assert host == host.lower() == ascii_host(host) == ascii_host(f" {domain}. ")
    assert mail_domain(domain) == domain
    assert ascii_host(domain.upper()) == ascii_host(domain.upper().lower())


@given(HOSTILE)
def test_any_text_is_a_host_or_is_refused(text: str) -> None:
    host = said(ascii_host, text)
    if host is not None:
        assert re.fullmatch(r"[a-z0-9.-]{1,253}", str(host))
        assert all(0 < len(label) <= 63 for label in str(host).split("."))
        assert ascii_host(str(host)) == host
    said(ip_literal, text)
    domain = said(mail_domain, text)
    assert domain is None or "." in str(domain)


@given(st.ip_addresses())
def test_no_address_of_any_kind_passes_for_a_name(address: object) -> None:
    literal = said(ip_literal, str(address))
    assert literal is None or literal == str(address)
    assert said(mail_domain, str(address)) is None


@given(LOCAL, DOMAIN | INTERNATIONAL_DOMAIN)
def test_every_address_with_international_parts_is_taken_and_stays(local: str, domain: str) -> None:
    taken = smtp_address(f" {local}@{domain} ")
    assert smtp_address(taken) == taken
    assert taken.rpartition("@")[2].count(".") == domain.count(".")


@given(HOSTILE | st.builds("{}@{}".format, HOSTILE, DOMAIN) | st.builds("{}@{}".format, LOCAL, HOSTILE))
def test_any_text_is_an_address_or_is_refused_and_none_breaks_a_header(text: str) -> None:
    taken = said(smtp_address, text)
    if taken is not None:
        address = str(taken)
        assert address.isprintable()
        assert not re.search(r"[\s,;<>\"()\\]", address)
        assert address.count("@") == 1
        assert len(address.encode()) <= 254
        assert smtp_address(address) == address


@given(DOMAIN, st.integers(1, 65_535), st.sampled_from(["", "/", "/EWS", "/ews/Exchange.asmx"]))
def test_host_and_port_of_a_pasted_url_are_understood(host: str, port: int, path: str) -> None:
    parsed = parse_server_address(f"https://{host}:{port}{path}")
    assert (parsed.host, parsed.port, parsed.encrypted) == (host, port, True)


@example("\uff11")
@example("\uff11\uff12\uff17.1")
@given(HOSTILE | st.builds("https://{}/EWS".format, HOSTILE))
def test_any_text_is_a_server_or_is_refused_and_none_names_a_path_or_user(text: str) -> None:
    parsed = said(parse_server_address, text)
    if isinstance(parsed, ServerAddress):
        host = str(parsed.host)
        assert not re.search(r"[/@?#\\\s%]", host)
        assert parse_server_address(f"[{host}]" if ":" in host else host).host == host


def taken_by_form(**changes: object) -> MailboxForm | set[str]:
    """The form, or the fields that it refuses."""
    try:
        return MailboxForm.model_validate(mailbox_form(**changes))
    except ValidationError as error:
        return {str(one["loc"][0]) for one in error.errors()}


@given(st.uuids())
def test_every_guid_is_taken_as_app_and_tenant_in_any_form(guid: UUID) -> None:
    for text in (str(guid), str(guid).upper(), f" {{{guid}}} "):
        form = taken_by_form(appId=text, tenantId=text)
        assert isinstance(form, MailboxForm)
        assert (form.app_id, form.tenant_id) == (str(guid), str(guid))


@given(HOSTILE | st.text("0123456789abcdef-{}", min_size=30, max_size=40))
def test_any_text_is_a_guid_or_is_refused(text: str) -> None:
    form = taken_by_form(appId=text)
    if isinstance(form, MailboxForm):
        assert str(UUID(form.app_id)) == form.app_id
    else:
        assert form == {"appId"}


@given(DOMAIN)
def test_every_domain_is_taken_as_tenant(domain: str) -> None:
    form = taken_by_form(tenantId=domain)
    assert isinstance(form, MailboxForm)
    assert form.tenant_id == domain


@given(HOSTILE)
def test_any_text_is_a_tenant_or_is_refused_and_none_leads_elsewhere_in_a_url(text: str) -> None:
    form = taken_by_form(tenantId=text)
    if isinstance(form, MailboxForm):
        assert not re.search(r"[/?#@:\\\s%]", str(form.tenant_id))
    else:
        assert form == {"tenantId"}


@given(st.integers())
def test_ports_are_1_to_65535(port: int) -> None:
    assert isinstance(taken_by_form(port=port), MailboxForm) == (1 <= port <= 65_535)


@given(HOSTILE)
def test_any_text_is_a_mailbox_id_or_is_refused(text: str) -> None:
    assert (said(mailbox_id, text) is not None) == is_mailbox_id(text)
    if is_mailbox_id(text):
        assert re.fullmatch(r"[a-z0-9-]{1,40}", text)
