"""How people and systems prove who they are: sessions, second factors, API clients, networks."""
