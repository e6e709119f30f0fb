"""Service credits (rule R48): what a council is credited with for a month that missed its objective, and why."""
