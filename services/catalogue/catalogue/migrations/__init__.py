"""The catalogue's tables, revision by revision."""

# Every other table only grows (`shared.sql.migrate`).
CHANGEABLE = {
    "outbox": "DELETE",
    "person": "UPDATE",
    "browser_session": "UPDATE, DELETE",
    "used_sign_in": "DELETE",
    "recording_lock": "UPDATE",
}

# What requests see of a table where it names no council (`shared.sql.isolation`).
SHARED_WITHOUT_COUNCIL = {"versions"}
