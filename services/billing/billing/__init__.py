"""Billing: recharges each council every month from metered usage and tariffs."""
