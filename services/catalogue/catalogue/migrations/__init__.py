"""The catalogue's tables, revision by revision."""

# Every other table only grows (`shared.sql.migrate`).
CHANGEABLE = {
    "clients": "UPDATE",
    "audit_newest": "UPDATE",
    "outbox": "DELETE",
    "person": "UPDATE",
    "browser_session": "UPDATE, DELETE",
    "proposals": "UPDATE",
    "used_sign_in": "DELETE",
    "received_event": "UPDATE, DELETE",
    "recording_lock": "UPDATE",
}

# Who sees what of each table (`shared.sql.isolation`).
SHARED_WITHOUT_COUNCIL = {"versions"}
SECRET = {"installation_key"}
