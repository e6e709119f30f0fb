"""Who calls, what they may do, and how a service knows it: principals, roles, access tokens, client credentials."""
