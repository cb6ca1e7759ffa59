"""How folders are written: their properties by FieldURI, in the order of `BaseFolderType` in types.xsd."""

from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

from sandbox.exchange.errors import RequestError
from sandbox.exchange.ids import IdSpace
from sandbox.exchange.paths import ExtendedPath, FieldPath
from sandbox.exchange.schema import Folder
from sandbox.exchange.shapes import requested_paths
from sandbox.exchange.soap import M, T
from sandbox.exchange.store import Store
from sandbox.exchange.xmltext import escape, timestamp_ms

_RIGHTS = (
    "<t:EffectiveRights><t:CreateAssociated>true</t:CreateAssociated><t:CreateContents>true</t:CreateContents>"
    "<t:CreateHierarchy>true</t:CreateHierarchy><t:Delete>true</t:Delete><t:Modify>true</t:Modify>"
    "<t:Read>true</t:Read><t:ViewPrivateItems>true</t:ViewPrivateItems></t:EffectiveRights>"
)


@dataclass(frozen=True, slots=True)
class FolderView:
    """One answer's way to write folders."""

    store: Store
    ids: IdSpace

    def id_element(self, tag: str, folder: int, change: int = 1) -> str:
        """A FolderId or ParentFolderId."""
        return f'<t:{tag} Id="{self.ids.folder(folder)}" ChangeKey="{self.ids.change_key(change)}"/>'

    def total(self, folder: Folder) -> int:
        """Items in the folder."""
        return self.store.count("SELECT count(*) FROM items WHERE folder = ?", (folder.id,))

    def unread(self, folder: Folder) -> int:
        """Unread items in the folder."""
        return self.store.count("SELECT count(*) FROM items WHERE folder = ? AND is_read = 0", (folder.id,))

    def children(self, folder: Folder) -> int:
        """Folders right under the folder."""
        return self.store.count("SELECT count(*) FROM folders WHERE parent = ?", (folder.id,))


Renderer = Callable[[Folder, FolderView], str]


def _wellknown(folder: Folder) -> str:
    name = folder.wellknown
    return f"<t:DistinguishedFolderId>{name}</t:DistinguishedFolderId>" if name else ""


def _unread(folder: Folder, view: FolderView) -> str:
    # Calendar and contacts folders have no UnreadCount in the schema.
    if folder.kind in ("CalendarFolder", "ContactsFolder"):
        return ""
    return f"<t:UnreadCount>{view.unread(folder)}</t:UnreadCount>"


_FIELDS: dict[str, Renderer] = {
    "folder:FolderId": lambda f, v: v.id_element("FolderId", f.id, f.change_number),
    "folder:ParentFolderId": lambda f, v: v.id_element("ParentFolderId", f.parent or f.id),
    "folder:FolderClass": lambda f, v: (
        f"<t:FolderClass>{escape(f.folder_class)}</t:FolderClass>" if f.folder_class else ""
    ),
    "folder:DisplayName": lambda f, v: f"<t:DisplayName>{escape(f.name)}</t:DisplayName>",
    "folder:TotalCount": lambda f, v: f"<t:TotalCount>{v.total(f)}</t:TotalCount>",
    "folder:ChildFolderCount": lambda f, v: f"<t:ChildFolderCount>{v.children(f)}</t:ChildFolderCount>",
    "extended": lambda f, v: "",
    "folder:EffectiveRights": lambda f, v: _RIGHTS,
    "folder:DistinguishedFolderId": lambda f, v: _wellknown(f),
    "folder:UnreadCount": _unread,
}
_ORDER = {uri: place for place, uri in enumerate(_FIELDS)}
_DEFAULT = ("folder:DisplayName", "folder:TotalCount", "folder:ChildFolderCount", "folder:UnreadCount")
_BASE = {"IdOnly": (), "Default": _DEFAULT, "AllProperties": tuple(_FIELDS)}

_TAGS: dict[int, Renderer] = {
    0x10F4: lambda f, v: "true" if f.hidden else "false",
    0x3001: lambda f, v: f.name,
    0x3602: lambda f, v: str(v.total(f)),
    0x3603: lambda f, v: str(v.unread(f)),
    0x3613: lambda f, v: f.folder_class,
    0x670A: lambda f, v: timestamp_ms(f.committed_at),
}


def _extended_renderer(path: ExtendedPath) -> Renderer:
    known = _TAGS.get(path.tag) if path.tag is not None else None

    def render(folder: Folder, view: FolderView) -> str:
        value = "" if known is None else known(folder, view)
        return (
            f"<t:ExtendedProperty>{path.xml}<t:Value>{escape(value)}</t:Value></t:ExtendedProperty>"
            if value
            else ""
        )

    return render


@dataclass(frozen=True, slots=True)
class FolderShape:
    """What to write of each folder."""

    renderers: tuple[Renderer, ...]

    def folder(self, folder: Folder, view: FolderView) -> str:
        """The folder's element."""
        properties = "".join([render(folder, view) for render in self.renderers])
        return f"<t:{folder.kind}>{properties}</t:{folder.kind}>"


ID_ONLY = FolderShape((_FIELDS["folder:FolderId"],))


def compile_folder_shape(request: etree._Element) -> FolderShape:
    """The request's FolderShape. Raises RequestError where it is not valid."""
    shape = request.find(M + "FolderShape")
    base = None if shape is None else _BASE.get(shape.findtext(T + "BaseShape", ""))
    if shape is None or base is None:
        raise RequestError("ErrorSchemaValidation", "The request failed schema validation: FolderShape.")
    uris = {"folder:FolderId", *base}
    extended: dict[str, ExtendedPath] = {}
    for path in requested_paths(shape):
        if isinstance(path, ExtendedPath):
            extended.setdefault(path.key, path)
        elif isinstance(path, FieldPath):
            uris.add(path.uri)
    placed = [(_ORDER[uri], _FIELDS[uri]) for uri in uris if uri in _FIELDS]
    placed += [(_ORDER["extended"], _extended_renderer(path)) for path in extended.values()]
    placed.sort(key=lambda pair: pair[0])
    return FolderShape(tuple(render for _, render in placed))
