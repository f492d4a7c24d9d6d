-- One role and one database for each service, on a PostgreSQL server (15 or newer) of one's own. Run as an administrator:
--   psql -v identity="'…'" -v referrals="'…'" -v portals="'…'" -v notifications="'…'" -v signing="'…'" -f deploy/postgresql/roles.sql
-- Each variable is that service's password. Safe to repeat: it then sets the passwords. No role is a superuser, makes roles or
-- databases, or may connect to the database of another service. `make run DATABASE=postgresql` does the same.
\set ON_ERROR_STOP on

SELECT format('CREATE ROLE %I', role)
FROM unnest(ARRAY['portico_identity', 'portico_referrals', 'portico_portals', 'portico_notifications', 'portico_signing']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec

ALTER ROLE portico_identity LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :identity;
ALTER ROLE portico_referrals LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :referrals;
ALTER ROLE portico_portals LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :portals;
ALTER ROLE portico_notifications LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :notifications;
ALTER ROLE portico_signing LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :signing;

-- template0 gives the same byte-wise order whatever the server's locale is.
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8'' LOCALE ''C.UTF-8''', role, role)
FROM pg_roles, LATERAL (SELECT rolname AS role) AS named
WHERE rolname LIKE 'portico\_%' AND NOT EXISTS (SELECT FROM pg_database WHERE datname = rolname) \gexec

SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', datname) FROM pg_database WHERE datname LIKE 'portico\_%' \gexec
