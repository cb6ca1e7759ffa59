"""What goes wrong on purpose looks to a plain HTTP client as the real thing does."""

import http.client
import itertools
import json
import socket
import ssl
import time

import pytest

from sandbox.control.client import ControlError
from sandbox.faults import Fault, FaultError, Faults
from tests.sandbox.world.conftest import World

SOAP = b"""<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Body><m:SyncFolderItems/></s:Body>
</s:Envelope>"""


def post_soap(world: World, body: bytes = SOAP) -> http.client.HTTPResponse:
    connection = http.client.HTTPSConnection(
        "localhost", world.state.ports.exchange, timeout=5, context=trusting(world)
    )
    connection.request("POST", "/EWS/Exchange.asmx", body, {"Content-Type": "text/xml; charset=utf-8"})
    return connection.getresponse()


def get_keys(world: World) -> bytes:
    """A small answer of Entra ID that needs no sign-in."""
    connection = http.client.HTTPSConnection(
        "localhost", world.state.ports.entra, timeout=5, context=trusting(world)
    )
    connection.request("GET", f"/{world.state.tenant_id}/discovery/v2.0/keys")
    answer = connection.getresponse()
    assert answer.status == 200
    return answer.read()


def trusting(world: World) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(world.state.ca_file))


def add(world: World, part: str, kind: str, **more: object) -> int:
    return int(world.control.run("fault-add", part=part, kind=kind, **more)["id"])


def test_status_comes_with_retry_after_as_often_as_was_asked(world: World) -> None:
    add(world, "exchange", "status", status=503, retry_after_s=7, count=2)

    answers = [post_soap(world) for _ in range(3)]

    assert [answer.status for answer in answers] == [503, 503, 401]
    assert answers[0].headers["Retry-After"] == "7"


def test_fault_of_one_operation_leaves_the_others_alone(world: World) -> None:
    add(world, "exchange", "status", status=500, operation="GetItem")

    assert post_soap(world).status == 401
    assert world.calls("exchange") == {"SyncFolderItems": 1}


def test_stale_sync_state_is_not_used_up_by_requests_without_one() -> None:
    faults = Faults()
    faults.add(Fault("exchange", "stale-sync-state", count=1))

    assert faults.take("exchange", "GetFolder", None) is None
    assert faults.take("exchange", "SyncFolderItems", None) is not None
    assert faults.take("exchange", "SyncFolderItems", None) is None


def test_request_that_is_cut_before_it_is_handled_gets_no_answer(world: World) -> None:
    add(world, "token", "cut-before", count=1)

    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError, ssl.SSLError)):
        get_keys(world)
    assert json.loads(get_keys(world))["keys"]


def test_answer_that_is_cut_in_the_middle_is_half_there(world: World) -> None:
    whole = get_keys(world)
    add(world, "token", "cut-mid", count=1)

    with pytest.raises(http.client.IncompleteRead) as cut:
        get_keys(world)

    assert cut.value.partial == whole[: len(whole) // 2]


def test_delay_holds_the_request_back(world: World) -> None:
    add(world, "token", "delay", delay_s=0.4, count=1)
    started = time.monotonic()

    get_keys(world)

    assert time.monotonic() - started >= 0.4


def test_malformed_xml_is_no_whole_document(world: World) -> None:
    add(world, "exchange", "malformed-xml", count=1)
    answer = post_soap(world)

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/xml")
    assert b"</s:Envelope>" not in answer.read()


def test_malformed_json_of_the_token_endpoint(world: World) -> None:
    add(world, "token", "malformed-xml", count=1)

    with pytest.raises(json.JSONDecodeError):
        json.loads(get_keys(world))


def test_endless_answer_goes_on_until_the_client_leaves(world: World) -> None:
    add(world, "exchange", "endless", count=1)
    answer = post_soap(world)

    assert all(len(answer.read(100_000)) == 100_000 for _ in range(20))

    answer.close()
    assert post_soap(world).status == 401


def test_faults_are_listed_until_they_are_used_up_or_cleared(world: World) -> None:
    first = add(world, "token", "delay", delay_s=0.01, count=1)
    second = add(world, "keyvault", "status", status=500)
    listed = [fault["id"] for fault in world.control.run("fault-list")]
    get_keys(world)

    assert listed == [first, second]
    assert [fault["id"] for fault in world.control.run("fault-list")] == [second]
    assert world.control.run("fault-clear", id=second) == 1
    with pytest.raises(ControlError, match=f"there is no fault {second}"):
        world.control.run("fault-clear", id=second)


def test_control_interface_wants_its_token(world: World) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", world.state.ports.control, timeout=5)
    connection.request("POST", "/commands/settings", b"{}", {"Authorization": "Bearer guessed"})

    assert connection.getresponse().status == 401


def test_everything_listens_on_the_loopback_address_alone(world: World) -> None:
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    outside = [address for address in addresses if not str(address).startswith("127.")]
    ports = (world.state.ports.exchange, world.state.ports.control, world.state.ports.blob)
    for address, port in itertools.product(outside, ports):
        with socket.socket() as probe:
            probe.settimeout(1)
            assert probe.connect_ex((str(address), port)) != 0


@pytest.mark.parametrize(
    "fault, reason",
    [
        (Fault("exchange", "status"), "--status"),
        (Fault("exchange", "status", status=200), "--status"),
        (Fault("exchange", "exchange-error"), "--error"),
        (Fault("storage", "stale-sync-state"), "exchange only"),
        (Fault("exchange", "delay"), "--delay"),
        (Fault("exchange", "item-error", error="ErrorItemCorrupt"), "--item"),
        (Fault("storage", "cut-mid", item="A"), "exchange only"),
        (Fault("teapot", "status", status=500), "no such part"),
        (Fault("exchange", "brew"), "no such kind"),
        (Fault("exchange", "cut-mid", count=0), "count"),
    ],
)
def test_fault_that_makes_no_sense_is_refused(fault: Fault, reason: str) -> None:
    with pytest.raises(FaultError, match=reason):
        Faults().add(fault)


def test_item_error_concerns_its_item_alone() -> None:
    faults = Faults()
    faults.add(
        Fault("exchange", "item-error", item="A", error="ErrorItemCorrupt", mailbox="soc@corp.example")
    )

    assert faults.take("exchange", "GetItem", "soc@corp.example") is None
    assert faults.take_item_error("B", "soc@corp.example") is None
    assert faults.take_item_error("A", "hr@hr.example") is None
    found = faults.take_item_error("A", "SOC@corp.example")
    assert found is not None
    assert found.error == "ErrorItemCorrupt"


def test_any_kind_can_concern_the_requests_that_name_one_item(world: World) -> None:
    add(world, "exchange", "status", status=500, item="AAMk=")

    assert post_soap(world).status == 401
    assert (
        post_soap(world, SOAP.replace(b"/></s", b"><m:ItemIds Id='AAMk='/></m:SyncFolderItems></s")).status
        == 500
    )


def test_lasting_rebuild_of_mime_hides_no_other_fault() -> None:
    faults = Faults()
    faults.add(Fault("exchange", "rebuild-mime"))
    faults.add(Fault("exchange", "cut-after", count=1))

    kinds = [fault.kind for _ in range(3) if (fault := faults.take("exchange", "GetItem", None))]

    assert kinds == ["cut-after", "rebuild-mime", "rebuild-mime"]
