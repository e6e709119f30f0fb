"""Rating: usage and tariff versions to charge lines. One file a kind of charge; `pipeline` alone orders them."""
