#!/bin/sh
# Makes .venv from the lock file and installs the Debian packages that are missing.
#   deploy/setup.sh run    what `make run` needs
#   deploy/setup.sh test   what the tests need as well
# Does nothing if everything is installed and the lock file has not changed.
set -eu

purpose=${1:-run}
cd "$(dirname "$0")/.."
case $purpose in
run) lock=requirements.lock ;;
test) lock=requirements-dev.lock ;;
*) echo "usage: deploy/setup.sh run|test" >&2; exit 2 ;;
esac

say() { printf '%s\n' "$*"; }
fail() { printf '\nsetup: %s\n' "$*" >&2; exit 1; }

find_python() {
    # 3.11 first: it is the version the figures in the documentation were measured with.
    for name in python3.11 python3.12 python3.13 python3; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s' "$name"
            return
        fi
    done
}

has_rabbitmq() { ls -d /usr/lib/rabbitmq/lib/rabbitmq_server-* >/dev/null 2>&1; }
has_postgresql() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }

# Debian's Python lacks the modules that `python -m venv` needs.
missing_python() {
    [ ! -x .venv/bin/python ] || return 0
    python=$(find_python)
    if [ -z "$python" ]; then
        printf 'python3 python3-venv '
    elif ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        printf '%s-venv ' "$python"
    fi
}

# The font faces of PDFs (services/chassis/fonts.py): file below the folder of fonts, package.
missing_fonts() {
    while read -r file package; do
        [ -f /usr/share/fonts/truetype/"$file" ] || printf '%s ' "$package"
    done <<'FACES'
noto/NotoSans-Regular.ttf fonts-noto-core
noto/NotoSansMono-Regular.ttf fonts-noto-mono
ancient-scripts/Symbola_hint.ttf fonts-symbola
wqy/wqy-microhei.ttc fonts-wqy-microhei
vlgothic/VL-Gothic-Regular.ttf fonts-vlgothic
droid/DroidSansFallbackFull.ttf fonts-droid-fallback
FACES
}

missing_packages() {
    missing_python
    missing_fonts
    if [ -z "${AMQP_URI:-}" ] || [ "$purpose" = test ]; then
        has_rabbitmq || printf 'rabbitmq-server '
    fi
    if [ "${DATABASE:-}" = postgresql ] && [ "$purpose" = run ]; then
        has_postgresql || printf 'postgresql '
    fi
    if [ "$purpose" = test ]; then
        has_postgresql || printf 'postgresql '
        command -v pdftotext >/dev/null 2>&1 || printf 'poppler-utils '
        command -v softhsm2-util >/dev/null 2>&1 || printf 'softhsm2 '
    fi
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null 2>&1; then
        say "sudo $*"
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    else
        fail "these packages are missing and there is no sudo; as root: apt-get install $packages"
    fi
}

install_packages() {
    packages=$(missing_packages)
    [ -n "$packages" ] || return 0
    command -v apt-get >/dev/null 2>&1 || fail "this system has no apt-get; install yourself what \
is missing: $packages(Python must be 3.11 or newer. Instead of RabbitMQ here, AMQP_URI may point at a broker.)"
    say "Installing Debian packages: $packages"
    # Package lists may be old or absent; they are updated only if the first attempt fails.
    # shellcheck disable=SC2086 # several words on purpose
    as_root apt-get install -y -q --no-install-recommends $packages </dev/null && return 0
    as_root apt-get update -q </dev/null
    # shellcheck disable=SC2086
    as_root apt-get install -y -q --no-install-recommends $packages </dev/null
}

# Without a browser the tests of the pages are skipped, so a failed installation is no error, and it is tried only once. It
# is tried on Debian only: Ubuntu's package is a snap, which a container cannot run.
install_browser() {
    [ "$purpose" = test ] && [ "$(id -u)" -eq 0 ] && [ ! -f .venv/browser.tried ] || return 0
    ! command -v chromium >/dev/null 2>&1 && grep -qs '^ID=debian' /etc/os-release || return 0
    touch .venv/browser.tried
    say "Installing Debian's chromium for the tests of the pages"
    as_root apt-get install -y -q --no-install-recommends chromium </dev/null || {
        as_root apt-get update -q </dev/null
        as_root apt-get install -y -q --no-install-recommends chromium </dev/null
    } || say "chromium could not be installed: the tests of the pages are skipped"
}

lock_hash() { sha256sum "$1" | cut -d ' ' -f 1; }

# The environment for tests serves both purposes.
is_installed() { [ -f .venv/"$1".installed ] && [ "$(cat .venv/"$1".installed)" = "$(lock_hash "$1")" ]; }

install_python_packages() {
    if is_installed "$lock" || is_installed requirements-dev.lock; then
        return 0
    fi
    [ -x .venv/bin/python ] || {
        python=$(find_python)
        [ -n "$python" ] || fail "Python 3.11 or newer was not found, and this system's python3 is older"
        say "Making .venv with $("$python" --version)"
        "$python" -m venv .venv
    }
    say "Installing Python packages from $lock"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r "$lock"
    lock_hash "$lock" >.venv/"$lock".installed
}

# What browsers load (gateway/web/package.json). Without it the API runs and the pages do not, so a failure is no error. An npm
# that is not on this machine comes in a Python package, in an environment that is thrown away.
install_web_packages() {
    web=gateway/web
    only=$([ "$purpose" = test ] || printf '%s' --omit=dev)
    wanted="$(lock_hash $web/package-lock.json) $only"
    ! [ "$(cat $web/node_modules/.installed 2>/dev/null)" = "$wanted" ] || return 0
    say "Fetching what browsers load from $web/package-lock.json"
    if command -v npm >/dev/null 2>&1; then
        npm --prefix $web ci --silent $only
    else
        node=$(mktemp -d)
        .venv/bin/python -m venv "$node" && "$node"/bin/python -m pip install --quiet --disable-pip-version-check \
            --no-input --require-hashes -r requirements-node.lock && "$node"/bin/npm --prefix $web ci --silent $only
        status=$?
        rm -rf "$node"
        [ $status -eq 0 ]
    fi && printf '%s' "$wanted" >$web/node_modules/.installed || say "
What browsers load could not be fetched, so there are no pages; the API runs. Run deploy/setup.sh again with a connection."
}

install_packages
install_python_packages
install_browser
install_web_packages
