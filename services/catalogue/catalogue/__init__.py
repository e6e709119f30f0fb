"""The catalogue: councils, services, calendars, agreements, targets and tariffs, versioned and effective-dated."""
