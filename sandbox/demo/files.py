"""Files for the demo's mails, made by code, always the same bytes. Pure."""

import io
import random
import struct
import zipfile
import zlib

from sandbox.demo.building import File

ZIP_TIME = (2026, 1, 1, 0, 0, 0)
LARGE_FILE_BYTES = 11_200_000  # with base64's third on top, a message of 15 MB


def picture(name: str, colour: tuple[int, int, int], content_id: str | None = None) -> File:
    """A PNG of 240 by 80 pixels: stripes of a colour, as a screenshot stands for."""
    width, height = 240, 80
    rows = bytearray()
    for y in range(height):
        rows.append(0)  # filter type none
        for x in range(width):
            bright = (x // 12 + y // 10) % 2 == 0
            rows += bytes(value if bright else value // 2 for value in colour)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data)
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    )
    return File(name, "image/png", content, content_id)


def document(name: str, lines: tuple[str, ...]) -> File:
    """A PDF of one page with these lines of ASCII text."""
    text = "BT /F1 12 Tf 50 780 Td 16 TL\n" + "".join(f"({_pdf_text(line)}) '\n" for line in lines) + "ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out = io.BytesIO(b"")
    out.write(b"%PDF-1.4\n")
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(f"{number} 0 obj\n{content}\nendobj\n".encode("ascii"))
    start = out.tell()
    out.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode())
    out.write("".join(f"{offset:010} 00000 n \n" for offset in offsets).encode())
    out.write(f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode())
    return File(name, "application/pdf", out.getvalue())


def table(name: str, rows: tuple[tuple[str, ...], ...]) -> File:
    """A CSV file with a byte order mark, as Excel writes it."""
    lines = "\r\n".join(",".join(row) for row in rows)
    return File(name, "text/csv", f"\ufeff{lines}\r\n".encode())


def archive(name: str, files: tuple[tuple[str, bytes], ...]) -> File:
    """A ZIP archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for inner, content in files:
            zipped.writestr(zipfile.ZipInfo(inner, ZIP_TIME), content)
    return File(name, "application/zip", out.getvalue())


def large_capture(name: str) -> File:
    """A packet capture that makes its message 15 MB large; its bytes look random and are always the same."""
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    content = header + random.Random(name).randbytes(LARGE_FILE_BYTES)
    return File(name, "application/vnd.tcpdump.pcap", content)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _pdf_text(line: str) -> str:
    return line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
