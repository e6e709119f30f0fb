"""Small exports of service desks and of a council's spending, as their systems write them. All of it is made up."""

from pathlib import Path

import openpyxl

SERVICENOW = """\
"Number","Opened","Priority","State","Category","Business Unit","Resolved","Closed"
"INC0010001","2026-03-02 09:00:00","3 - Moderate","Closed","Hardware","Adur","2026-03-02 15:30:00","2026-03-07 15:30:00"
"INC0010002","2026-03-29 01:30:00","1 - Critical","On Hold","Hardware","Worthing","",""
"INC0010003","2026-03-03 10:00:00","4 - Low","Canceled","Inquiry / Help","Adur","","2026-03-03 10:05:00"
"""
GLPI = """\
"ID";"Entity";"Opening date";"Priority";"Time to resolve";"Resolution date";"Closing date";
"1 204";"Root entity > Adur";"2026-03-02 09:00";"Medium";"2026-03-04 09:00";"2026-03-03 11:00";"2026-03-05 00:00";
"1 205";"Root entity > Worthing";"2026-03-02 10:15";"High";"";"";"";
"""
FIXMYSTREET = """\
Report ID,Title,User Name,Category,Created,Confirmed,Acknowledged,Fixed,Closed,Status
81,Hole,x,Potholes,2026-03-02T08:59:10,2026-03-02T09:00:00,2026-03-03T10:00:00,2026-03-20T14:00:00,,fixed - council
82,"Lamp, out",x,Street lighting,2026-03-02T11:00:00,2026-03-02T11:01:00,,,,confirmed
83,Bin,x,Bins,2026-03-04T11:00:00,2026-03-04T11:01:00,2026-03-05T09:00:00,,2026-03-05T09:00:00,unable to fix
"""
SPEND = """\
Body name,Transaction date,Supplier (beneficiary),Transaction number,Net amount,Irrecoverable VAT
Ashby District Council,01/04/2026,Alpha Ltd,501,"1,250.00",0.00
Ashby District Council,01/04/2026,Alpha Ltd,501,600.00,0.00
Ashby District Council,17/04/2026,Beta Ltd,502,(700.00),0.00
"""
ZENDESK = """\
Id,Requester,Group,Subject,Status,Priority,Ticket type,Created at,Organization,Solved at,First reply time in minutes
71,A,Desk,Printer,Solved,Normal,Incident,2026-03-28 23:50,Adur,2026-03-30 10:00,100
72,B,Desk,Phone,Open,High,Question,2026-03-02 10:00,Worthing,,
"""
JIRA = """\
Summary,Issue key,Issue Type,Status,Priority,Created,Updated,Resolved,Comment,Comment,Custom field (Organizations)
"Printer, 2nd floor",SD-1,Incident,Done,High,29/Jun/26 9:00 AM,29/Jun/26 4:30 PM,30/Jun/26 12:30 AM,a,"b, c",Adur
Phone,SD-2,Service Request,Open,Lowest,30/Jun/26 12:15 PM,30/Jun/26 12:15 PM,,,,Worthing
"""
ZAMMAD: list[list[object]] = [
    ["Default (Created)"],
    [],
    ["#", "Title", "State", "Priority", "Group", "Organization", "Created At", "Closed At", "First Response At"],
    [
        "20001",
        "Printer",
        "closed",
        "2 normal",
        "ICT",
        "Adur",
        "2026-03-02 09:00",
        "2026-03-03 12:00",
        "2026-03-02 09:30",
    ],
    ["20002", "Phone", "open", "3 high", "ICT", "Worthing", "2026-03-02 10:00", None, None],
    [],
    ["Timezone: Europe/London"],
]
TEXTS = {
    "servicenow": SERVICENOW,
    "jira-service-management": JIRA,
    "zendesk": ZENDESK,
    "glpi": GLPI,
    "fixmystreet": FIXMYSTREET,
    "council-spend": SPEND,
}


def sample(name: str, folder: Path) -> Path:
    """The export that the shipped mapping of that name is for, in a file of `folder`."""
    if name == "zammad":
        made = openpyxl.Workbook()
        assert made.active is not None
        for row in ZAMMAD:
            made.active.append(row)
        made.save(folder / "tickets.xlsx")
        return folder / "tickets.xlsx"
    (folder / f"{name}.csv").write_text(TEXTS[name], encoding="utf-8")
    return folder / f"{name}.csv"
