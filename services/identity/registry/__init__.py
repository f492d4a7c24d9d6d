"""Finding, locking, showing and adding organisations, accounts and people: what every other subject needs of them."""
