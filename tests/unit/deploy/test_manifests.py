"""Image, compose file and Kubernetes manifests, read without a container engine: what they start and set is what there is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy.layout import CHECKOUT
from deploy.migrate import SERVICES
from deploy.settings import settings_of

DEPLOY = CHECKOUT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
START = DEPLOY / "image" / "start"
REPLICATED = (*SERVICES, "gateway", "live")
PROCESSES = (*REPLICATED, "watch")
CUSTOM = "keda.sh/"  # kinds that Kubernetes itself does not know
# Read by the jobs, which are no processes with settings.
OF_JOBS = {"AMQP_URI", "FEED_AMQP_URI", *(f"{service.upper()}_DATABASE_URL" for service in SERVICES)}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def objects() -> list[Any]:
    """Everything that the base makes."""
    resources = load(KUBERNETES / "base" / "kustomization.yaml")["resources"]
    return [each for name in resources for each in load(KUBERNETES / "base" / name)["items"]]


def pods() -> Iterator[tuple[str, Any]]:
    """The name and the pod's specification of each Deployment and Job."""
    for each in objects():
        if each["kind"] in ("Deployment", "Job"):
            yield each["metadata"]["name"], each["spec"]["template"]["spec"]


def configured() -> set[str]:
    """The variables that all processes get from the ConfigMap of the overlay."""
    parts = [
        KUBERNETES / "base" / "kustomization.yaml",
        KUBERNETES / "overlays" / "replicated" / "kustomization.yaml",
    ]
    given = [literal for part in parts for literal in load(part)["configMapGenerator"][0]["literals"]]
    return {literal.partition("=")[0] for literal in given}


def words_of_start() -> set[str]:
    cases = re.findall(r"^([a-z |]+)\) exec", START.read_text("utf-8"), re.MULTILINE)
    return {word.strip() for case in cases for word in case.split("|")}


def problems_of_settings(process: str, names: set[str]) -> tuple[set[str], set[str]]:
    """Variables that the process does not have, and required ones that are missing."""
    fields = settings_of(process)().fields
    return names - fields.keys(), {name for name, field in fields.items() if field.required} - names


def test_kubernetes_accepts_every_object() -> None:
    standard = [each for each in objects() if not each["apiVersion"].startswith(CUSTOM)]
    assert {"Deployment", "Job", "NetworkPolicy"} <= {each["kind"] for each in standard}
    for each in standard:
        kubernetes_validate.validate(each, "1.29", strict=True)  # raises ValidationError


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_in_kubernetes_has_the_settings_it_needs_and_no_other(process: str) -> None:
    [container] = dict(pods())[process]["containers"]
    own = {each["name"] for each in container["env"]}
    assert container["args"] == [process]
    unknown, _ = problems_of_settings(process, own)
    _, missing = problems_of_settings(process, own | configured())
    assert (unknown, missing) == (set(), set())


def test_what_all_processes_are_told_is_a_setting_of_one_of_them() -> None:
    known = {name for process in PROCESSES for name in settings_of(process)().fields}
    assert configured() - known == set()


def test_every_container_is_without_rights_and_limited() -> None:
    for name, pod in pods():
        [container] = pod["containers"]
        security = container["securityContext"]
        assert pod["securityContext"]["runAsNonRoot"], name
        assert security["readOnlyRootFilesystem"], name
        assert not security["allowPrivilegeEscalation"], name
        assert security["capabilities"] == {"drop": ["ALL"]}, name
        assert {"memory"} <= container["resources"]["limits"].keys(), name
        assert container["args"][0] in words_of_start(), name


def test_probes_ask_ports_that_the_container_has() -> None:
    for name, pod in pods():
        [container] = pod["containers"]
        ports = {port["name"] for port in container.get("ports", ())}
        probes = [value["httpGet"] for key, value in container.items() if key.endswith("Probe")]
        assert {probe["port"] for probe in probes} <= ports, name
        assert {probe["path"] for probe in probes} <= {"/healthz", "/readyz"}, name
        assert len(probes) == (3 if name in PROCESSES else 0), name


def test_secrets_are_references() -> None:
    for name, pod in pods():
        for each in pod["containers"][0]["env"]:
            is_secret = re.search("AMQP_URI|DATABASE_URL|PASSWORD$", each["name"])
            assert bool(is_secret) <= ("valueFrom" in each), (name, each["name"])


def test_every_service_scales_with_its_own_queue_and_keeps_one_process() -> None:
    scaled = {each["metadata"]["name"]: each["spec"] for each in objects() if each["kind"] == "ScaledObject"}
    queues = {name: spec["triggers"][0]["metadata"]["queueName"] for name, spec in scaled.items()}
    assert queues == {service: f"rpc-{service}" for service in SERVICES}
    kept = {each["metadata"]["name"] for each in objects() if each["kind"] == "PodDisruptionBudget"}
    assert kept == set(REPLICATED)


@pytest.mark.parametrize("overlay", ["replicated", "small"])
def test_kustomize_renders_the_overlay(overlay: str) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    rendered = subprocess.run(
        [kubectl, "kustomize", str(KUBERNETES / "overlays" / overlay)],
        capture_output=True,
        text=True,
        check=True,
    )
    kinds = [each["kind"] for each in yaml.safe_load_all(rendered.stdout)]
    assert kinds.count("Deployment") == len(PROCESSES)


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_of_the_compose_file_has_the_settings_it_needs_and_no_other(process: str) -> None:
    service = load(DEPLOY / "compose.yaml")["services"][process]
    assert service["command"] == [process]
    shared = {"AMQP_URI", "BLOB_DIR", "PUBLIC_URL"}
    unknown, missing = problems_of_settings(process, set(service["environment"]) | {"BLOB_DIR"})
    assert (unknown - shared, missing) == (set(), set())


def test_the_compose_file_refers_to_what_it_has() -> None:
    compose = load(DEPLOY / "compose.yaml")
    for name, service in compose["services"].items():
        assert set(service.get("depends_on", ())) <= set(compose["services"]), name
        named = [mount.partition(":")[0] for mount in service.get("volumes", ())]
        for mount in named:
            assert (DEPLOY / mount).exists() if mount.startswith(".") else mount in compose["volumes"], name
    for name in ("migrate", "topology"):
        service = compose["services"][name]
        assert set(service["environment"]) <= OF_JOBS
        assert service["command"][0] in words_of_start()


def test_the_image_starts_what_the_checkout_starts() -> None:
    dockerfile = (DEPLOY / "image" / "Dockerfile").read_text("utf-8")
    [entrypoint] = re.findall(r'^ENTRYPOINT \["(.+)"\]$', dockerfile, re.MULTILINE)
    assert CHECKOUT / entrypoint == START
    assert START.stat().st_mode & 0o111
    assert words_of_start() >= {*PROCESSES, "migrate", "topology", "keys"}
    setup = (DEPLOY / "setup.sh").read_text("utf-8")
    faces = set(re.findall(r"^\S+/\S+\.tt[fc] (fonts-\S+)$", setup, re.MULTILINE))
    assert faces
    assert faces <= set(dockerfile.split())
    refused = subprocess.run([START, "nothing"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "identity | referrals" in refused.stderr


def test_the_image_follows_the_rules_of_dockerfiles() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    found = subprocess.run(
        [hadolint, DEPLOY / "image" / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert found.stdout + found.stderr == ""
