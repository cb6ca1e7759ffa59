"""What clients write in front of a subject, in their languages; nothing but the token tells the incident."""

# Letters of other alphabets look like Latin ones:
# ruff: noqa: RUF001

from __future__ import annotations

from tests.linking.scenarios.world import SALES, TOKEN, Scenario, mail, scenario

PREFIXES = {
    "English": "RE: ", "English, forwarded": "FW: ", "English, Gmail's": "Fwd: ", "German": "AW: ",
    "German, forwarded": "WG: ", "Dutch": "Antw: ", "Dutch, forwarded": "Doorst: ", "Danish, Swedish": "SV: ",
    "Norwegian, forwarded": "VS: ",
    "Swedish, forwarded": "VB: ", "Finnish": "VS: ", "Finnish, forwarded": "VL: ",
    "French": "RE : ", "French, forwarded": "TR : ", "Italian": "RIF: ", "Italian, short": "R: ",
    "Italian, forwarded": "I: ", "Spanish": "RESP: ", "Spanish, forwarded": "RV: ", "Portuguese": "RES: ",
    "Portuguese, forwarded": "ENC: ", "Polish": "ODP: ", "Polish, forwarded": "PD: ", "Czech": "Odpověď: ",
    "Hungarian": "Vá: ", "Hungarian, forwarded": "Továbbítás: ", "Romanian": "RĂSP: ", "Croatian": "Odg: ",
    "Turkish": "YNT: ", "Turkish, forwarded": "İLT: ", "Greek": "ΑΠ: ", "Greek, forwarded": "ΠΡΘ: ",
    "Russian": "Отв: ", "Ukrainian": "Відп: ", "Lithuanian": "ATS: ", "Latvian": "Atb: ", "Welsh": "ATB: ",
    "Icelandic": "SV: ", "Chinese": "回复：",
    "Chinese, traditional": "回覆: ", "Chinese, forwarded": "转发：",
    "Japanese": "返信: ", "Japanese, forwarded": "転送: ", "Korean": "회신: ", "Hebrew": "השב: ",
    "Arabic": "رد: ",
    "Thai": "ตอบกลับ: ", "Vietnamese": "Trả lời: ", "counted": "RE[4]: ", "counted otherwise": "Re^2: ",
    "several": "AW: RE: SV: Antw: ", "none": "",
}  # fmt: skip

SCENARIOS: list[Scenario] = [
    scenario(f"prefix: {language}", mail(f"{prefix}{TOKEN[SALES]} Strange login"), f"{SALES} token")
    for language, prefix in PREFIXES.items()
]
