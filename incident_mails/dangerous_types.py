"""Attachments that a person should not open without need: by their name's ending, since that is what a
desktop goes by. Source: Microsoft, "Blocked attachments in Outlook", and archives and documents with
macros."""

from __future__ import annotations

_ENDINGS_TEXT = """
    ade adp apk app appcontent-ms application appref-ms appx asp aspx asx bas bat bgi cab cer chm cmd cnt
    com cpl crt csh der diagcab dll dmg docm dotm exe fxp gadget grp hlp hpj hta htc htm html img inf ins
    iqy iso isp its jar jnlp js jse ksh lnk mad maf mag mam maq mar mas mat mau mav maw mcf mda mdb mde mdt
    mdw mdz mhtml msc msh msh1 msh1xml msh2 msh2xml mshxml msi msix msp mst msu one onepkg ops osd pcd pif
    pkg pl plg potm ppam ppsm pptm prf prg printerexport ps1 ps1xml ps2 ps2xml psc1 psc2 psd1 psdm1 pst py
    pyc pyo pyw pyz pyzw rdp reg scf scr sct search-ms settingcontent-ms shb shs sldm slk svg sys terminal
    theme themepack tmp udl url vb vbe vbp vbs vhd vhdx vsmacros vsw webpnp website wim ws wsb wsc wsf wsh
    xbap xhtml xlam xll xlsb xlsm xltm xnk"""
_ENDINGS = frozenset(_ENDINGS_TEXT.split())


def is_dangerous(name: str) -> bool:
    """Whether a desktop may run what has this name, or show it as a page of its own."""
    _, dot, ending = name.strip().rstrip(". ").rpartition(".")
    return bool(dot) and ending.strip().lower() in _ENDINGS
