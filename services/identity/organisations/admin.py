"""The operator's command line. The database's address comes from IDENTITY_DATABASE_URL.

    python -m services.identity.organisations.admin create-organisation --key harbor --name Harbor --admin-email a@example.org
    python -m services.identity.organisations.admin set-password --key harbor --login a@example.org --password-file FILE
    python -m services.identity.organisations.admin allow-passwords --key harbor --realm staff
    python -m services.identity.organisations.admin restore-administrators --key harbor

Passwords are read from files (`-` is standard input): everybody on the machine can see a command line.
Events go through the outbox; the running service sends them within a second.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from services.chassis.database import Database
from services.contracts.errors import Refused
from services.identity.organisations.operator import (
    allow_passwords,
    create_organisation,
    restore_administrators,
    set_password,
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.identity.organisations.admin", description="Operator's work in identity."
    )
    actions = parser.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create-organisation", help="create a tenant; safe to repeat")
    create.add_argument("--key", required=True, help="short name, part of routing keys")
    create.add_argument("--name", required=True)
    create.add_argument("--admin-email", required=True)
    create.add_argument("--admin-password-file", help="without it the administrator is invited by e-mail")
    create.add_argument("--features", default="", help="comma-separated, such as referralq,provider_portal")
    password = actions.add_parser("set-password", help="set an account's password and make it active")
    password.add_argument("--key", required=True)
    password.add_argument("--login", required=True)
    password.add_argument("--password-file", required=True)
    password.add_argument("--email-is-verified", action="store_true", help="vouch for the account's address")
    allow = actions.add_parser(
        "allow-passwords", help="let a realm's passwords in again where its outside provider fails"
    )
    allow.add_argument("--key", required=True)
    allow.add_argument("--realm", required=True)
    restore = actions.add_parser(
        "restore-administrators", help="give the level admin the permissions back that it begins with"
    )
    restore.add_argument("--key", required=True)
    return parser


def _read_password(path: str) -> str:
    text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    return text.rstrip("\r\n")


def main(arguments: list[str] | None = None) -> int:
    """Carry out one action and print its result as one JSON object; 1, with the reason, when it is refused."""
    options = _parser().parse_args(arguments)
    database = Database(os.environ["IDENTITY_DATABASE_URL"])
    try:
        if options.action == "create-organisation":
            created = create_organisation(
                database,
                key=options.key,
                name=options.name,
                admin_email=options.admin_email,
                admin_password=_read_password(options.admin_password_file)
                if options.admin_password_file
                else None,
                features=[feature.strip() for feature in options.features.split(",") if feature.strip()],
            )
            result = asdict(created)
        elif options.action == "allow-passwords":
            provider_id = allow_passwords(database, organisation_key=options.key, realm=options.realm)
            result = {"identity_provider_id": provider_id}
        elif options.action == "restore-administrators":
            result = {"given": restore_administrators(database, organisation_key=options.key)}
        else:
            account_id = set_password(
                database,
                organisation_key=options.key,
                login=options.login,
                password=_read_password(options.password_file),
                email_is_verified=options.email_is_verified,
            )
            result = {"account_id": account_id}
    except Refused as refusal:
        sys.stderr.write(f"{refusal.code}: {refusal.detail}\n")
        return 1
    finally:
        database.close()
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
