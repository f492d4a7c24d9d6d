"""A private RabbitMQ node that runs as the current user, independent of any other broker on the machine.

RabbitMQ comes from Debian's package. The node has its own name, ports, cookie, epmd and data folder, so a system
broker may run beside it. It binds only 127.0.0.1.

Gotchas
- Queues belong to the node's *name*. The name is generated once and kept in the folder, so a moved folder still opens.
- `rabbitmqctl` takes 1-2 s a call. `definitions()` and `evaluate()` go through Erlang's own `erl_call`
  (milliseconds) and fall back to `rabbitmqctl` where that program is missing.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import amqp

from deploy import children, ports, secret_files
from deploy.folder_lock import FolderInUse, FolderLock

_PACKAGES = Path("/usr/lib/rabbitmq/lib")
_ADMIN = "portico"
_CONNECTS = 3  # tries of a call to reach a busy node
# A development node needs neither a scheduler per core nor threads that spin while idle.
_ERL_ARGS = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
_ON_LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"


class BrokerError(RuntimeError):
    """The node did not start, or refused a command."""


class PortTaken(BrokerError):
    """Another program listens on one of the node's ports."""


class Broker:
    """One private node, with all its files in `folder`. `port` is AMQP; the next two are distribution and epmd.

    A start on the same folder finds the same users, vhosts, queues and persistent messages.
    """

    def __init__(
        self, folder: Path, port: int, name: str | None = None, *, secrets_folder: Path | None = None
    ) -> None:
        self.folder = folder.resolve()
        self.port = port
        self.distribution_port = port + 1
        self.epmd_port = port + 2
        self._secrets_folder = secrets_folder or self.folder / "secrets"
        self._given_name = name
        self._lock = FolderLock(self.folder)
        self._beam: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None

    # Names and addresses

    @property
    def node(self) -> str:
        """The Erlang node name, `<name>@localhost`."""
        kept = self.folder / "node-name"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(self._given_name or f"portico-{secrets.token_hex(4)}")
        return f"{kept.read_text().strip()}@localhost"

    @property
    def user(self) -> str:
        """The user name of this node's administrator."""
        return _ADMIN

    @property
    def password(self) -> str:
        """The administrator's generated password."""
        return secret_files.kept_secret(self._secrets_folder / "broker-password")

    def uri(self, vhost: str = "/") -> str:
        """The administrator's AMQP URI for `vhost`. `pyamqp` because librabbitmq does not yield to eventlet."""
        return f"py{self.uri_for(self.user, self.password, vhost)}"

    def uri_for(self, user: str, password: str, vhost: str) -> str:
        """The AMQP URI of another user, in the form that every library takes."""
        return f"amqp://{user}:{password}@127.0.0.1:{self.port}/{vhost.replace('/', '%2F')}"

    @property
    def pid(self) -> int | None:
        """The Erlang VM's process id, or None while it is down."""
        if self._beam is None or self._beam.poll() is not None:
            return None
        return self._beam.pid

    @property
    def log(self) -> Path:
        """The node's output."""
        return self.folder / "log" / "console.log"

    # Start and stop

    def start(self, timeout_s: float = 60) -> None:
        """Start the node and wait until it accepts a login. Raises BrokerError with the end of its log."""
        if self.pid is not None:
            return
        try:
            self._lock.take()
            self._end_leftovers()
            self._require_ports()
            self._launch()
            self._wait_for_login(time.monotonic() + timeout_s)
        except FolderInUse as error:
            raise BrokerError(str(error)) from error
        except BaseException:
            self.stop(timeout_s=5)
            raise

    def stop(self, timeout_s: float = 30) -> None:
        """Stop the node and its epmd; kill them if they take longer than `timeout_s`."""
        if self._beam is not None:
            # RabbitMQ closes its stores in order on SIGTERM, like `rabbitmqctl stop` but without a second VM.
            children.end(self._beam, timeout_s=timeout_s)
        self._beam = None
        self._sign_off()

    def kill(self) -> None:
        """SIGKILL the node, like a crash. Also end its epmd, because a killed node cannot sign off there."""
        if self._beam is not None:
            children.kill_group(self._beam)
            self._beam.wait(10)
        self._beam = None
        self._sign_off()

    def pause(self) -> None:
        """SIGSTOP the node: connections stay open, but it does not answer."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT the node after `pause`."""
        self._signal(signal.SIGCONT)

    # Administration

    def ctl(self, *args: str, timeout_s: float = 60) -> str:
        """`rabbitmqctl *args` against this node; returns its output. Raises BrokerError. Takes 1-2 s."""
        command = [str(_server_folder() / "sbin" / "rabbitmqctl"), "--quiet", "--node", self.node, *args]
        done = subprocess.run(
            command, env=self._env(), capture_output=True, text=True, timeout=timeout_s, check=False
        )
        if done.returncode != 0:
            # Arguments may hold a password, so the message has only the command.
            raise BrokerError(f"rabbitmqctl {args[0]} failed: {done.stderr.strip()}")
        return done.stdout

    def evaluate(self, expression: str, timeout_s: float = 60) -> str:
        """The printed value of an Erlang expression run inside the node. Raises BrokerError."""
        erl_call = shutil.which("erl_call")
        if erl_call is None:
            return self.ctl("eval", expression + ".", timeout_s=timeout_s).strip()
        for _ in range(_CONNECTS):
            # The expression goes through stdin, because every user of the machine can see arguments. By default every
            # `erl_call` is named `c17`, and a node admits only one connection of a name at a time, until it has noticed its end.
            hidden_name = f"call{secrets.token_hex(4)}"
            done = subprocess.run(
                [erl_call, "-e", "-h", hidden_name, "-sname", self.node],
                input=f"{expression}.\n",
                env=self._env(),
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
            # Whoever was not connected has not evaluated anything; a busy node answers the next time.
            if "failed to connect" not in done.stderr:
                break
        answer = done.stdout.strip()
        if done.returncode != 0 or not answer.startswith("{ok, "):
            raise BrokerError(f"the node refused an expression: {answer[:500]} {done.stderr.strip()[:500]}")
        return answer.removeprefix("{ok, ").removesuffix("}").strip()

    def definitions(self, document: Mapping[str, Any]) -> None:
        """Apply a RabbitMQ definitions document: vhosts, users, permissions, policies, parameters in one call.

        The format is that of `rabbitmqctl import_definitions`. Existing objects are overwritten.
        """
        encoded = base64.b64encode(json.dumps(document).encode()).decode()
        answer = self.evaluate(f'rabbit_definitions:import_raw(base64:decode("{encoded}"))')
        if answer != "ok":
            raise BrokerError(f"definitions were refused: {answer[:500]}")

    def add_vhost(self, *names: str) -> None:
        """Create virtual hosts (existing ones are left alone) and give the administrator all rights there."""
        every = {"configure": ".*", "write": ".*", "read": ".*"}
        self.definitions(
            {
                "vhosts": [{"name": name} for name in names],
                "permissions": [{"user": self.user, "vhost": name, **every} for name in names],
            }
        )

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with its queues and messages, and close connections to it."""
        deletion = f'catch rabbit_vhost:delete({_binary(name)}, <<"{_ADMIN}">>)'
        answer = self.evaluate(
            f"case ({deletion}) of {{error, {{no_such_vhost, _}}}} -> ok; Other -> Other end"
        )
        if answer != "ok":
            raise BrokerError(f"vhost {name} was not deleted: {answer[:500]}")

    def add_user(
        self,
        name: str,
        password: str,
        vhost: str,
        configure: str,
        write: str,
        read: str,
        topic_permissions: Mapping[str, tuple[str, str]] | None = None,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        """Create or change a user without tags, with rights in one vhost.

        The three rights are RabbitMQ's regular expressions. `topic_permissions` maps an exchange to the
        (write, read) expressions for routing keys; an exchange without one allows every key. `limits` are RabbitMQ's
        user limits (`max-connections`, `max-channels`).
        """
        self.definitions(
            {
                "users": [{"name": name, "password": password, "tags": [], "limits": dict(limits or {})}],
                "permissions": [
                    {"user": name, "vhost": vhost, "configure": configure, "write": write, "read": read}
                ],
                "topic_permissions": [
                    {"user": name, "vhost": vhost, "exchange": exchange, "write": may_write, "read": may_read}
                    for exchange, (may_write, may_read) in (topic_permissions or {}).items()
                ],
            }
        )

    def delete_user(self, name: str) -> None:
        """Delete a user. The node closes its open connections a moment later."""
        self.evaluate(f'rabbit_auth_backend_internal:delete_user({_binary(name)}, <<"{_ADMIN}">>)')

    def read_permissions(self, user: str, vhost: str) -> list[str]:
        """The expressions for what a user may read in a vhost; empty if there is no such user or permission."""
        answer = self.evaluate(
            f"[binary_to_list(proplists:get_value(read, Found))"
            f" || rabbit_auth_backend_internal:lookup_user({_binary(user)}) =/= {{error, not_found}},"
            f" Found <- rabbit_auth_backend_internal:list_user_permissions({_binary(user)}),"
            f" proplists:get_value(vhost, Found) =:= {_binary(vhost)}]"
        )
        return [text.replace("\\\\", "\\") for text in re.findall(r'"((?:[^"\\]|\\.)*)"', answer)]

    def users(self) -> list[str]:
        """The names of all users."""
        answer = self.evaluate(
            "[binary_to_list(proplists:get_value(user, Found)) || Found <- rabbit_auth_backend_internal:list_users()]"
        )
        return re.findall(r'"([^"]*)"', answer)

    def users_of(self, vhost: str) -> list[str]:
        """The names of the users that have permissions in a vhost."""
        answer = self.evaluate(
            "[binary_to_list(proplists:get_value(user, Found))"
            f" || Found <- rabbit_auth_backend_internal:list_vhost_permissions({_binary(vhost)})]"
        )
        return re.findall(r'"([^"]*)"', answer)

    def binding_keys(self, vhost: str, exchange: str, queue: str) -> list[str]:
        """The routing keys with which an exchange is bound to a queue."""
        found = "rabbit_binding:list_for_source_and_destination"
        source, destination = (
            f"rabbit_misc:r({_binary(vhost)}, {kind}, {_binary(name)})"
            for kind, name in (("exchange", exchange), ("queue", queue))
        )
        answer = self.evaluate(
            f"[binary_to_list(element(3, Each)) || Each <- {found}({source}, {destination})]"
        )
        return re.findall(r'"([^"]*)"', answer)

    def close_connections(self, user: str) -> None:
        """Close all connections of a user, before this returns."""
        self.evaluate(
            '[rabbit_networking:close_connection(Each, "access was changed") || Each <- rabbit_networking:connections(),'
            f" (catch rabbit_reader:info(Each, [user])) =:= [{{user, {_binary(user)}}}]]"
        )

    def consumers(self, prefix: str, timeout_s: float = 60) -> dict[str, int]:
        """The number of consumers of each connected user whose name begins with `prefix`. Raises BrokerError."""
        begins = f"binary:longest_common_prefix([User, {_binary(prefix)}]) =:= {len(prefix.encode())}"
        answer = self.evaluate(
            "[{binary_to_list(User), Count} || Each <- rabbit_channel:list_local(),"
            " [{user, User}, {consumer_count, Count}] <- [catch rabbit_channel:info(Each, [user, consumer_count])],"
            f" {begins}]",
            timeout_s,
        )
        found: dict[str, int] = {}
        for user, count in re.findall(r'\{"([^"]*)",\s*([0-9]+)\}', answer):
            found[user] = found.get(user, 0) + int(count)
        return found

    def delete_named(self, vhost: str, prefix: str) -> None:
        """Delete all queues, streams and exchanges of a vhost whose name begins with `prefix`, with their bindings."""
        begins = f"binary:longest_common_prefix([Name, {_binary(prefix)}]) =:= {len(prefix.encode())}"
        self.evaluate(
            f'[rabbit_amqqueue:delete(Each, false, false, <<"{_ADMIN}">>)'
            f" || Each <- rabbit_amqqueue:list({_binary(vhost)}),"
            f" {{resource, _, queue, Name}} <- [amqqueue:get_name(Each)], {begins}]"
        )
        self.evaluate(
            f'[rabbit_exchange:delete(Of, false, <<"{_ADMIN}">>)'
            f" || Each <- rabbit_exchange:list({_binary(vhost)}),"
            f" {{resource, _, exchange, Name}} = Of <- [element(2, Each)], {begins}]"
        )

    # Inside

    def _launch(self) -> None:
        self._write_configuration()
        with self.log.open("ab") as output:
            self._epmd = children.spawn(self._epmd_command(), env=self._env(), output=output)
            self._beam = children.spawn(
                [str(_server_folder() / "sbin" / "rabbitmq-server")],
                env=self._env(),
                output=output,
                cwd=self.folder,
            )
        (self.folder / "pids").write_text(f"{self._beam.pid} {self._epmd.pid}")

    def _signal(self, sig: signal.Signals) -> None:
        if self._beam is None:
            raise BrokerError("the node is not running")
        self._beam.send_signal(sig)

    def _wait_for_login(self, deadline: float) -> None:
        while True:
            if self._beam is None or self._beam.poll() is not None:
                raise BrokerError(f"RabbitMQ stopped while starting:\n{self._log_tail()}")
            try:
                with amqp.Connection(
                    host=f"127.0.0.1:{self.port}",
                    userid=self.user,
                    password=self.password,
                    virtual_host="/",
                    connect_timeout=5,
                    read_timeout=5,
                ):
                    return
            except (OSError, amqp.AMQPError) as error:
                if time.monotonic() > deadline:
                    raise BrokerError(f"no AMQP login ({error!r}):\n{self._log_tail()}") from error
            time.sleep(0.1)

    def _log_tail(self) -> str:
        return children.tail(self.log) or children.tail(self.folder / "log" / "rabbit.log")

    def _sign_off(self) -> None:
        if self._epmd is not None:
            children.end(self._epmd, timeout_s=2)
        self._epmd = None
        if self._lock.is_held:
            (self.folder / "pids").unlink(missing_ok=True)
        self._lock.give_back()

    def _end_leftovers(self) -> None:
        """End a node that an earlier, killed owner of this folder left behind, and no other."""
        kept = self.folder / "pids"
        if not kept.exists():
            return
        beam, epmd = (int(pid) for pid in kept.read_text().split())
        for pid, mark in ((beam, str(self.folder / "home")), (epmd, str(self.epmd_port))):
            children.end_foreign(pid, mark)
        kept.unlink()

    def _require_ports(self) -> None:
        for port, use in (
            (self.port, "AMQP"),
            (self.distribution_port, "Erlang distribution"),
            (self.epmd_port, "epmd"),
        ):
            if not ports.is_free(port):
                raise PortTaken(f"port {port} ({use}) is taken by another program")

    def _epmd_command(self) -> list[str]:
        epmd = shutil.which("epmd")
        if epmd is None:
            raise BrokerError("epmd was not found; install the package rabbitmq-server")
        return [epmd, "-address", "127.0.0.1", "-port", str(self.epmd_port)]

    def _env(self) -> dict[str, str]:
        # A clean environment, because RABBITMQ_* or ERL_* of the caller could change the node's configuration.
        return {
            "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self.folder / "home"),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "generated"),
            "RABBITMQ_SCHEMA_DIR": str(self.folder / "schema"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_LOGS": str(self.folder / "log" / "rabbit.log"),
            "RABBITMQ_PID_FILE": str(self.folder / "rabbitmq.pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{_ERL_ARGS} {_ON_LOOPBACK}",
            "RABBITMQ_CTL_ERL_ARGS": _ON_LOOPBACK,
            # Makes the package's script exec the VM, so that our pid is the VM's.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _write_configuration(self) -> None:
        for name in ("home", "log", "data", "generated", "schema"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        cookie = self.folder / "home" / ".erlang.cookie"
        if not cookie.exists():
            secret_files.write_private(cookie, secrets.token_hex(16))
            cookie.chmod(0o400)
        (self.folder / "rabbitmq-env.conf").write_text("")
        (self.folder / "advanced.config").write_text("[].\n")
        (self.folder / "enabled_plugins").write_text("[rabbitmq_shovel].\n")
        secret_files.write_private(self.folder / "rabbitmq.conf", self._configuration())

    def _configuration(self) -> str:
        return "\n".join(
            (
                f"listeners.tcp.1 = 127.0.0.1:{self.port}",
                # These replace `guest` when the node's database is created.
                f"default_user = {self.user}",
                f"default_pass = {self.password}",
                "disk_free_limit.absolute = 50MB",
                "log.file.level = info",
                "log.console = false",
                "",
            )
        )


def _server_folder() -> Path:
    """The folder with the package's scripts, since the wrapper on the PATH demands root or the rabbitmq user."""
    found = sorted(_PACKAGES.glob("rabbitmq_server-*"))
    if not found:
        raise BrokerError("RabbitMQ was not found; install the package rabbitmq-server or set AMQP_URI")
    return found[-1]


def _binary(text: str) -> str:
    """`text` as an Erlang binary, as numbers so that it cannot break out of the literal."""
    return "<<" + ",".join(str(byte) for byte in text.encode()) + ">>"
