"""HTML of a mail made safe to show: no script, form, frame or remote image; inline images by their
attachment's path.

The first of three locks; the others are the answer's Content-Security-Policy and the frame's sandbox
attribute.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import nh3

MAX_HTML_CHARS = 2_000_000
_MAX_DEPTH = 400
_MAX_TAGS = 30_000
"""Markup that is deeper or has more tags costs the parser time squared; such a mail is shown as text."""

# HTML parsers open these again in each paragraph after an unclosed one: a few kilobytes become gigabytes.
# Under other names they are ordinary elements while the parser works.
_FORMATTING = "b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u"
_FORMATTING_TAG = re.compile(rf"<(/?)({_FORMATTING})(?=[\s/>])", re.IGNORECASE)
_RENAMED_TAG = re.compile(rf"(<|&lt;)(/?)x-as-({_FORMATTING})(?=[\s>&/])")
_TAGS_TEXT = """
    a abbr address b bdi bdo big blockquote br caption center cite code col colgroup dd del dfn div dl dt
    em font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q rp rt ruby s samp small span strike
    strong sub sup table tbody td tfoot th thead time tr tt u ul var wbr"""
_TAGS = {*_TAGS_TEXT.split(), *(f"x-as-{name}" for name in _FORMATTING.split("|"))}
_ATTRIBUTES = {
    "*": {"style", "dir", "lang", "title", "align", "valign", "bgcolor", "width", "height"},
    "a": {"href", "name"},
    "img": {"src", "alt", "border", "hspace", "vspace"},
    "x-as-font": {"color", "face", "size"},
    "table": {"border", "cellpadding", "cellspacing", "summary"},
    "td": {"colspan", "rowspan", "nowrap"},
    "th": {"colspan", "rowspan", "scope", "nowrap"},
    "col": {"span"},
    "colgroup": {"span"},
    "ol": {"start", "type"},
    "ul": {"type"},
    "li": {"value"},
    "time": {"datetime"},
}
_STYLE_PROPERTIES_TEXT = """
    background-color border border-bottom border-bottom-color border-bottom-style border-bottom-width
    border-collapse border-color border-left border-left-color border-left-style border-left-width
    border-radius border-right border-right-color border-right-style border-right-width border-spacing
    border-style border-top border-top-color border-top-style border-top-width border-width caption-side
    clear color direction display empty-cells float font font-family font-size font-style font-variant
    font-weight height letter-spacing line-height list-style-position list-style-type margin margin-bottom
    margin-left margin-right margin-top max-height max-width min-height min-width padding padding-bottom
    padding-left padding-right padding-top table-layout text-align text-decoration text-indent
    text-transform unicode-bidi vertical-align white-space width word-break word-spacing word-wrap"""
_STYLE_PROPERTIES = set(_STYLE_PROPERTIES_TEXT.split())
_RASTER_DATA = re.compile(r"data:image/(?:png|gif|jpeg|jpg|webp|bmp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
_REMOTE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
_CSS_THAT_LOADS = re.compile(r"url\s*\(|image-set|image\s*\(|expression|@import|\\", re.IGNORECASE)
_LINK = re.compile(r"(?:https?|mailto|tel|ftp):", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*)[^<>]*>")
_START_TAG = re.compile(r"<[a-zA-Z]")
_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    ]
)


@dataclass(frozen=True, slots=True)
class SafeHtml:
    """`blocked_images`: remote ones that were left out."""

    html: str
    blocked_images: int


def sanitise_html(markup: str, *, images: Mapping[str, str], remote_images: bool) -> SafeHtml | None:
    """`images`: Content-ID or Content-Location to the path that serves it. None where the markup is too deep
    to be cleaned in reasonable time."""
    if len(_START_TAG.findall(markup)) > _MAX_TAGS or _depth(markup) > _MAX_DEPTH:
        return None
    blocked = 0

    def keep(tag: str, attribute: str, value: str) -> str | None:
        nonlocal blocked
        if attribute == "style":
            # A declaration that loads something, or hides that it does, costs the element its style.
            return None if _CSS_THAT_LOADS.search(value) else value
        if attribute == "href":
            return value if _LINK.match(value.strip()) else None
        if attribute != "src":
            return value
        source = value.strip()
        if source[:4].lower() == "cid:":
            return images.get(source[4:].strip("<>"))
        if _RASTER_DATA.fullmatch(source):
            return source
        if _REMOTE.match(source):
            if remote_images and source[:6].lower() == "https:":
                return source
            blocked += 1
            return None
        return images.get(source)

    html = nh3.clean(
        _FORMATTING_TAG.sub(r"<\1x-as-\2", markup),
        tags=_TAGS,
        clean_content_tags={
            "script",
            "style",
            "head",
            "title",
            "object",
            "svg",
            "math",
            "noscript",
            "template",
        },
        attributes=_ATTRIBUTES,
        attribute_filter=keep,
        url_schemes={"http", "https", "mailto", "tel", "ftp", "cid", "data"},
        filter_style_properties=_STYLE_PROPERTIES,
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return SafeHtml(_RENAMED_TAG.sub(r"\1\2\3", html), blocked)


def _depth(markup: str) -> int:
    """An upper bound of the nesting, cheaply: open tags that nothing closes count too, as they do for
    parsers."""
    depth = deepest = 0
    for match in _TAG.finditer(markup):
        if match[2].lower() in _VOID or match[2].lower() in ("p", "li", "td", "tr", "th"):
            continue
        depth = max(0, depth + (-1 if match[1] else 1))
        deepest = max(deepest, depth)
    return deepest
