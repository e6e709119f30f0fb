"""Billing's schema, revision by revision."""

# Every other table only grows (`shared.sql.privileges`).
CHANGEABLE = {
    "progress": "UPDATE",
    "item_accepted": "UPDATE",
    "item_done": "UPDATE",
    "verdict": "UPDATE",
}
