"""What every page shares: layout, assets, figures as people write them, and charts."""
