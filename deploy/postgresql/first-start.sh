#!/bin/sh
# Makes the services' roles and databases when compose.yaml's PostgreSQL starts for the first time.
set -eu
quoted="'$PASSWORD_OF_SERVICES'"
psql -U postgres -v identity="$quoted" -v referrals="$quoted" -v portals="$quoted" -v notifications="$quoted" \
    -v signing="$quoted" -f /roles/roles.sql
