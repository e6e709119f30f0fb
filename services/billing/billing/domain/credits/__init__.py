"""Service credits (rule R48): what a month that missed its objective gives back to the council, and why so much."""
