"""The read model's schema, revision by revision."""

# Every other table only grows (`shared.sql.migrate`).
CHANGEABLE = {
    "audit_newest": "UPDATE",
    "archive_progress": "UPDATE",
    "archived_item": "UPDATE",
    "verdict_progress": "UPDATE",
    "verdict": "UPDATE, DELETE",
}

# What nobody reads beside the service's workers (`shared.sql.isolation`).
SECRET = {"installation_key"}
