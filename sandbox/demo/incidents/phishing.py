"""INC-1042: a phishing page for the invoice portal; Finance forwards what it got. Pure."""

from collections.abc import Mapping
from datetime import datetime

from sandbox.demo.building import SOC, DemoMail, Thread
from sandbox.demo.cases import DUPLICATE, PHISHING
from sandbox.demo.files import document, picture, table
from sandbox.demo.people import ACCOUNTS_PAYABLE, FINANCE_CAIRO, FINANCE_CONTROLLER, TREASURY

SCREENSHOT = "screenshot-portal@fin.example"
NEWSLETTER_LOGO = "https://images.invoice-portal.example/logo.png?u=accounts.payable"

PAGE = f"""<html><head><style>p {{ font-family: Calibri, sans-serif; font-size: 11pt }}</style></head>
<body><p>Hello Security team,</p>
<p>three of us got the mail below this morning. The page it leads to looks like our <b>invoice portal</b>,
but the address is <i>invoice-portal.example.net</i>:</p>
<p><img src="cid:{SCREENSHOT}" alt="Screenshot of the page" width="240" height="80"></p>
<p>One colleague has entered her password before she noticed. What should she do <u>right now</u>?</p>
<p>Accounts Payable<br>Finance</p></body></html>"""

FORWARDED_PAGE = f"""<html><body><p>The original, forwarded.</p><hr><div>
<b>From:</b> Invoice Portal &lt;no-reply@invoice-portal.example.net&gt;<br>
<b>Subject:</b> Your payment run is on hold</div>
<p><img src="{NEWSLETTER_LOGO}" width="1" height="1" alt=""></p>
<p onclick="alert(1)">Your payment run is <b>on hold</b>.
<a href="http://invoice-portal.example.net/login">Sign in</a>
to release it.</p><script>document.location='http://invoice-portal.example.net/'</script>
<form action="http://invoice-portal.example.net/collect"><input name="password" type="password"></form>
</body></html>"""

ARABIC = """السلام عليكم،

وصلتنا الرسالة نفسها في مكتب القاهرة هذا الصباح. لم يفتح أحد الرابط، وقد حذفنا الرسالة من صناديق البريد.
هل هناك خطوات أخرى يجب أن نقوم بها؟

مع التحية،
قسم المحاسبة - القاهرة
"""
ARABIC_PAGE = (
    '<html dir="rtl" lang="ar"><body>' + "".join(f"<p>{line}</p>" for line in ARABIC.splitlines() if line)
) + "</body></html>"


def conversation(started_at: datetime, tokens: Mapping[str, str]) -> list[DemoMail]:
    """The mails, in the order in which they were written."""
    thread = Thread("Phishing mail in the name of the invoice portal", started_at)
    thread.add(
        ACCOUNTS_PAYABLE,
        "Hello Security team,\n\nthree of us got the mail below this morning. The page it leads to looks "
        "like our "
        "invoice portal, but the address is invoice-portal.example.net.\n\nOne colleague has entered her "
        "password "
        "before she noticed. What should she do right now?\n\nAccounts Payable\nFinance\n",
        subject=f"RE: {tokens[PHISHING]} {thread.topic}",
        html=PAGE,
        files=(picture("portal.png", (30, 90, 180), SCREENSHOT),),
    )
    thread.add(
        SOC,
        "Thank you for telling us at once.\n\nPlease let her change her password now and call us at "
        "extension 4400. "
        "Do not use the link again. Could you forward us the original as an attachment, and list who got "
        "it?\n\n"
        "Security Operations Center\n",
        to=(ACCOUNTS_PAYABLE,),
        cc=(FINANCE_CONTROLLER,),
    )
    thread.add(
        ACCOUNTS_PAYABLE,
        "She has changed it and is on the phone with you. The list is attached, seven people in all.\n",
        cc=(FINANCE_CONTROLLER,),
        files=(
            table(
                "recipients of the phishing mail.csv",
                (
                    ("mailbox", "received", "opened the link"),
                    ("ap.01@fin.example", "08:02", "yes"),
                    ("ap.02@fin.example", "08:02", "no"),
                    ("ap.05@fin.example", "08:03", "no"),
                    ("treasury@fin.example", "08:05", "no"),
                ),
            ),
        ),
    )
    thread.add(
        FINANCE_CONTROLLER,
        "For the record: no payment was released between 08:00 and 09:30. The bank has confirmed it, see the "
        "statement.\n\nController (Finance)\n",
        files=(
            document(
                "bank statement.pdf",
                ("Statement for the security team", "No outgoing payments", "08:00 to 09:30"),
            ),
        ),
        after_minutes=70,
    )
    thread.add(
        TREASURY,
        "I am out of office until Monday and read no mail. In urgent cases please call the controller.\n",
        subject=f"Automatic reply: {thread.topic}",
        headers=(
            ("Auto-Submitted", "auto-replied"),
            ("X-Auto-Response-Suppress", "All"),
            ("Precedence", "auto_reply"),
        ),
        after_minutes=1,
    )
    thread.add(
        ACCOUNTS_PAYABLE,
        "The original, forwarded.\n\n-----Original Message-----\nFrom: Invoice Portal "
        "<no-reply@invoice-portal.example.net>\nSubject: Your payment run is on hold\n\nYour payment run "
        "is on "
        "hold. Sign in to release it.\n",
        subject="FW: Your payment run is on hold",
        html=FORWARDED_PAGE,
        threaded=False,
        after_minutes=12,
    )
    thread.add(
        FINANCE_CAIRO,
        ARABIC,
        subject=f"رد: {tokens[DUPLICATE]} تنبيه: رسالة تصيد باسم بوابة الفواتير",
        html=ARABIC_PAGE,
        threaded=False,
    )
    thread.add(
        FINANCE_CONTROLLER,
        "Please send me the invoice portal's password by return of post. It is urgent.\n",
        subject=f"RE: {tokens[PHISHING]} Urgent: portal password",
        threaded=False,
        dmarc="fail",
        headers=(("Reply-To", "controller.fin.example@mail.example.net"),),
    )
    thread.add(
        FINANCE_CONTROLLER,
        "Written on the train, so without the thread: the bank asks for our incident number.\n",
        subject=f"RE: {thread.topic}",
        threaded=False,
        after_minutes=5,
    )
    thread.add(SOC, "We have blocked the address on all proxies. Thank you all.\n", to=(ACCOUNTS_PAYABLE,))
    thread.add(ACCOUNTS_PAYABLE, "Thanks! Everybody here knows now.\n", after_minutes=8)
    return thread.mails
