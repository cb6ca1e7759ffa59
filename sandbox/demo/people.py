"""Who writes in the demo: roles in three business units, and strangers. Pure data."""

from email.headerregistry import Address

FINANCE, HUMAN_RESOURCES, SALES = "fin.example", "hr.example", "sales.example"

ACCOUNTS_PAYABLE = Address("Accounts Payable", addr_spec=f"accounts.payable@{FINANCE}")
FINANCE_CONTROLLER = Address("Controller (Finance)", addr_spec=f"controller@{FINANCE}")
TREASURY = Address("Treasury", addr_spec=f"treasury@{FINANCE}")
FINANCE_CAIRO = Address("المحاسبة - القاهرة", addr_spec=f"cairo.office@{FINANCE}")
HR_DESK = Address("HR Service Desk", addr_spec=f"service.desk@{HUMAN_RESOURCES}")
PAYROLL = Address("Payroll Lead", addr_spec=f"payroll@{HUMAN_RESOURCES}")
HR_TOKYO = Address("人事部 東京", addr_spec=f"tokyo@{HUMAN_RESOURCES}")
RECRUITING = Address("Recruiting", addr_spec=f"recruiting@{HUMAN_RESOURCES}")
SALES_LEAD = Address("Regional Sales Lead", addr_spec=f"lead.emea@{SALES}")
SALES_ASSISTANT = Address("Sales Assistant", addr_spec=f"assistant@{SALES}")
KEY_ACCOUNTS = Address("Key Accounts", addr_spec=f"key.accounts@{SALES}")
FORMER_CONTACT = Address("Former Contact", addr_spec=f"nobody@{SALES}")

UNITS: tuple[dict[str, object], ...] = (
    {
        "name": "Finance",
        "description": "Accounts payable, treasury and controlling",
        "recipients": [f"controller@{FINANCE}"],
        "followUpRecipients": [f"treasury@{FINANCE}"],
        "addresses": [],
        "domains": [FINANCE],
    },
    {
        "name": "Human Resources",
        "description": "Service desk, payroll and recruiting",
        "recipients": [f"service.desk@{HUMAN_RESOURCES}"],
        "followUpRecipients": [f"payroll@{HUMAN_RESOURCES}"],
        "addresses": [],
        "domains": [HUMAN_RESOURCES],
    },
    {
        "name": "Sales",
        "description": "Regional sales and key accounts",
        "recipients": [f"lead.emea@{SALES}"],
        "followUpRecipients": [f"key.accounts@{SALES}"],
        "addresses": [],
        "domains": [SALES],
    },
)
