"""FindItem's restrictions, order and pages; FindFolder and SyncFolderHierarchy."""

import pytest

from tests.sandbox.exchange.running_server import (
    SOC,
    M,
    RunningServer,
    T,
    answer_tree,
    codes,
    fields,
    find_item_request,
)

SUBJECTS = ("Alpha report", "beta", "Gamma REPORT")


@pytest.fixture
def filled(running: RunningServer) -> RunningServer:
    """A server with three mails in the inbox, oldest first; the second one is read."""
    for number, subject in enumerate(SUBJECTS):
        answers = f"In-Reply-To: <{number}@x.example>\r\n" if number else ""
        raw = f"From: p{number}@fin.example\r\nSubject: {subject}\r\n{answers}\r\n{'x' * 1000 * number}"
        item_id = running.server.deliver(SOC, "Inbox", raw.encode())
        if number == 1:
            running.server.mark_read(SOC, item_id)
    return running


def comparison(name: str, uri: str, value: str) -> str:
    path = fields(uri)
    constant = f'<t:FieldURIOrConstant><t:Constant Value="{value}"/></t:FieldURIOrConstant>'
    return f"<t:{name}>{path}{constant}</t:{name}>"


def contains(mode: str, how: str, value: str) -> str:
    return (
        f'<t:Contains ContainmentMode="{mode}" ContainmentComparison="{how}">{fields("item:Subject")}'
        f'<t:Constant Value="{value}"/></t:Contains>'
    )


def found(running: RunningServer, restriction: str = "", view: str = "", order: str = "") -> list[str]:
    """Subjects of the inbox's items that are found, in the answer's order."""
    request = find_item_request("inbox", restriction, properties=fields("item:Subject"), view=view)
    answer = running.post(request.replace("<m:ParentFolderIds>", f"{order}<m:ParentFolderIds>"))
    assert codes(answer) == ["NoError"], answer.text
    return [node.text or "" for node in answer_tree(answer).iter(T + "Subject")]


READ = comparison("IsEqualTo", "message:IsRead", "true")
LARGE = comparison("IsGreaterThan", "item:Size", "1500")


@pytest.mark.parametrize(
    "restriction, expected",
    [
        (READ, [1]),
        (LARGE, [2]),
        (f"<t:Or>{READ}{LARGE}</t:Or>", [1, 2]),
        (f"<t:And>{READ}{LARGE}</t:And>", []),
        (f"<t:Not>{READ}</t:Not>", [0, 2]),
        (f"<t:Exists>{fields('item:InReplyTo')}</t:Exists>", [1, 2]),
        (comparison("IsEqualTo", "item:Subject", "BETA"), [1]),
        (comparison("IsEqualTo", "0x5D01:String", "p2@fin.example"), [2]),
        (contains("Substring", "IgnoreCase", "report"), [0, 2]),
        (contains("Substring", "Exact", "report"), [0]),
        (contains("Prefixed", "IgnoreCase", "gam"), [2]),
        (contains("FullString", "Exact", "beta"), [1]),
        (comparison("IsGreaterThanOrEqualTo", "item:DateTimeReceived", "2020-01-01T00:00:00Z"), [0, 1, 2]),
        (comparison("IsLessThan", "item:DateTimeReceived", "2020-01-01T00:00:00Z"), []),
    ],
)
def test_restrictions_find_what_they_say(
    filled: RunningServer, restriction: str, expected: list[int]
) -> None:
    assert sorted(found(filled, restriction)) == sorted(SUBJECTS[number] for number in expected)


def test_items_are_newest_first_unless_another_order_is_asked_for(filled: RunningServer) -> None:
    assert found(filled) == list(reversed(SUBJECTS))
    order = f'<m:SortOrder><t:FieldOrder Order="Ascending">{fields("item:Size")}</t:FieldOrder></m:SortOrder>'
    assert found(filled, order=order) == list(SUBJECTS)


def test_pages_say_where_they_end(filled: RunningServer) -> None:
    def page(offset: int, base: str = "Beginning") -> tuple[list[str], dict[str, str]]:
        view = f'<m:IndexedPageItemView MaxEntriesReturned="2" Offset="{offset}" BasePoint="{base}"/>'
        request = find_item_request("inbox", properties=fields("item:Subject"), view=view)
        tree = answer_tree(filled.post(request))
        root = tree.find(f".//{M}RootFolder")
        assert root is not None
        return [node.text or "" for node in tree.iter(T + "Subject")], dict(root.attrib)  # type: ignore[arg-type]

    subjects, attributes = page(0)
    assert subjects == [SUBJECTS[2], SUBJECTS[1]]
    assert attributes == {
        "IndexedPagingOffset": "2",
        "TotalItemsInView": "3",
        "IncludesLastItemInRange": "false",
    }
    subjects, attributes = page(2)
    assert (subjects, attributes["IncludesLastItemInRange"]) == ([SUBJECTS[0]], "true")
    assert page(0, "End")[0] == [SUBJECTS[1], SUBJECTS[0]]


@pytest.mark.parametrize(
    "restriction, code",
    [
        (comparison("IsEqualTo", "item:Body", "x"), "ErrorUnsupportedPathForQuery"),
        (comparison("IsEqualTo", "item:Size", "many"), "ErrorInvalidValueForProperty"),
        (comparison("IsEqualTo", "item:Size", "9" * 30), "ErrorInvalidValueForProperty"),
        (f"{'<t:Not>' * 40}{READ}{'</t:Not>' * 40}", "ErrorRestrictionTooComplex"),
    ],
)
def test_what_cannot_be_searched_by_is_refused(running: RunningServer, restriction: str, code: str) -> None:
    assert codes(running.post(find_item_request("inbox", restriction))) == [code]


def find_folders(running: RunningServer, traversal: str, folder: str, restriction: str = "") -> list[str]:
    answer = running.post(
        f'<m:FindFolder Traversal="{traversal}"><m:FolderShape><t:BaseShape>Default</t:BaseShape>'
        "</m:FolderShape>"
        + (f"<m:Restriction>{restriction}</m:Restriction>" if restriction else "")
        + f'<m:ParentFolderIds><t:DistinguishedFolderId Id="{folder}"/></m:ParentFolderIds></m:FindFolder>'
    )
    return [node.text or "" for node in answer_tree(answer).iter(T + "DisplayName")]


def test_folders_are_found_right_below_or_at_any_depth(running: RunningServer) -> None:
    running.server.create_folder(SOC, "Inbox/Units/Finance")
    assert find_folders(running, "Shallow", "inbox") == ["Units"]
    assert find_folders(running, "Deep", "inbox") == ["Units", "Finance"]
    assert {"Inbox", "Calendar", "Finance", "Conversation Action Settings"} <= set(
        find_folders(running, "Deep", "msgfolderroot")
    )
    hidden = comparison("IsEqualTo", "0x10F4:Boolean", "true")
    assert find_folders(running, "Deep", "msgfolderroot", hidden) == [
        "Conversation Action Settings",
        "PersonMetadata",
    ]


def test_the_hierarchy_sync_tells_new_renamed_moved_and_deleted_folders_and_keeps_their_ids(
    running: RunningServer,
) -> None:
    def sync(state: str) -> tuple[list[tuple[str, str]], str]:
        tree = answer_tree(
            running.post(
                "<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>"
                + (f"<m:SyncState>{state}</m:SyncState>" if state else "")
                + "</m:SyncFolderHierarchy>"
            )
        )
        changes = tree.find(f".//{M}Changes")
        assert changes is not None
        told = [
            (str(change.tag).removeprefix(T), str(next(change.iter(T + "FolderId")).get("Id")))
            for change in changes
        ]
        return told, tree.findtext(f".//{M}SyncState") or ""

    renamed, deleted = (running.server.create_folder(SOC, name) for name in ("Old", "Gone"))
    told, state = sync("")
    assert {("Create", renamed), ("Create", deleted)} <= set(told)
    assert sync(state) == ([], state)
    running.server.rename_folder(SOC, "Old", "New")
    running.server.move_folder(SOC, "New", "Inbox")
    running.server.delete_folder(SOC, "Gone")
    added = running.server.create_folder(SOC, "Added")
    assert sorted(sync(state)[0]) == sorted([("Update", renamed), ("Delete", deleted), ("Create", added)])
    assert [entry.path for entry in running.server.folders(SOC) if entry.id == renamed] == ["Inbox/New"]
