"""XML that may come from anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hwkit.errors import InputError

if TYPE_CHECKING:
    from lxml.etree import _Element


def parsed(content: bytes, what: str) -> _Element:
    """The root of an XML document, read without its DTD, without entities of its own and without a network.

    Raises InputError, with what it was to be ("SVG"), where it is not well-formed or declares entities.
    """
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise InputError(f"this is no {what} ({error})") from error
    dtd: Any = root.getroottree().docinfo.internalDTD
    if dtd is not None and dtd.entities():
        raise InputError("the XML declares entities, which hwkit does not read", do=f"save it as plain {what}")
    return root
