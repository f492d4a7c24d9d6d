-- A second role for one service, with which its password is exchanged while it serves (deploy/runbook/rotation.md):
--   psql -v owner=portico_referrals -v other=portico_referrals_b -v password="'…'" -f deploy/postgresql/exchange.sql
-- Whoever logs in with it acts as the owner of the database, so that everything has one owner. Safe to repeat: it then sets the password.
\set ON_ERROR_STOP on
SELECT format('CREATE ROLE %I', :'other') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'other') \gexec
ALTER ROLE :"other" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :password;
GRANT :"owner" TO :"other";
ALTER ROLE :"other" SET role TO :"owner";
