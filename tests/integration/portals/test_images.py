"""Images of portals, in process: what is taken, how it is kept, who sees it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from services.chassis import unused_files
from services.chassis.blobs import IMAGES
from services.contracts.errors import Refused
from services.contracts.identity import organisations
from services.contracts.portals import configuration, definitions, drafts, images
from services.portals.images import rules
from services.portals.images.queries import files_in_use
from tests.support.images import an_image
from tests.support.in_process import BAYSIDE, HARBOR, InProcess, a_caller

ADMIN = a_caller("portal.configure", "portal.manage_chart_tabs")
TEAM = [{"person_id": "e" * 32, "role": "supervisor", "permissions": []}]
EMPLOYEE = a_caller(realm="employee", id="d" * 32, scope={"profiles": TEAM})


@pytest.fixture(scope="module")
def portals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder = tmp_path_factory.mktemp("images")
    process = InProcess("portals", f"sqlite:///{folder}/portals.db", folder)
    for organisation in (HARBOR, BAYSIDE):
        created = {"organisation_id": organisation[0]}
        process.deliver(organisations.organisation_created, created, organisation=organisation)
    yield process
    process.close()


def upload(portals: InProcess, content: bytes, place: str = "logo", portal: str = "employee") -> Any:
    document = portals.upload(content)
    return portals.call(images.upload_portal_image, ADMIN, portal=portal, place=place, document=document)


def kept(portals: InProcess, image: Any) -> bytes:
    """The bytes that everybody gets under an image's address."""
    organisation, image_id = image["address"].split("/")[3], image["address"].rpartition("/")[2]
    reference = portals.call(images.open_portal_image, organisation=organisation, image_id=image_id)
    return portals.runtime.blobs.find(reference["organisation_id"], reference["sha256"]).read_bytes()


def publish(portals: InProcess, portal: str = "employee", **changes: Any) -> Any:
    version = portals.call(drafts.get_portal_draft, ADMIN, portal=portal)["version"]
    changed = portals.call(drafts.change_portal_draft, ADMIN, version=version, portal=portal, **changes)
    return portals.call(
        drafts.publish_portal_draft, ADMIN, version=changed["version"], portal=portal, publish_at=None
    )


@pytest.mark.seed("S2-39", "S2-125")
def test_an_uploaded_logo_replaces_the_one_before_in_a_new_version_with_words_and_colours(
    portals: InProcess,
) -> None:
    home = {"portal": "employee", "languages": ["en"]}
    assert portals.call(configuration.get_portal_home, EMPLOYEE, **home)["logo"] is None
    numbers = []
    for colour in ("#aa0000", "#00aa00"):
        logo = upload(portals, an_image("PNG", 300, 100, colour))
        chosen = {"image_id": logo["image_id"], "alternative_text": "Harbor Health"}
        numbers.append(publish(portals, logo=chosen, colour=colour, product_name="Harbor")["number"])
        shown = portals.call(configuration.get_portal_home, EMPLOYEE, **home)
        assert shown["logo"] == {
            "address": f"/v1/public/harbor/portal-images/{logo['image_id']}",
            "alternative_text": "Harbor Health",
            "width": 300,
            "height": 100,
        }
        assert (shown["colour"], shown["product_name"]) == (colour, "Harbor")
        entrance = {"organisation": "harbor", "portal": "employee", "languages": []}
        assert portals.call(configuration.get_public_portal, **entrance)["logo"] == shown["logo"]
    assert numbers[1] == numbers[0] + 1
    # Without words for those who do not see it, an image is not taken.
    with pytest.raises(Refused) as refused:
        publish(portals, logo={"image_id": logo["image_id"]})
    assert refused.value.field == "logo.alternative_text"
    with pytest.raises(Refused) as refused:
        publish(portals, welcome_image={"image_id": logo["image_id"], "alternative_text": "x"})
    assert refused.value.field == "welcome_image.image_id"


def test_an_image_is_written_anew_so_nothing_but_the_picture_is_kept(portals: InProcess) -> None:
    secret = PngImagePlugin.PngInfo()
    secret.add_text("Comment", "Pat Quill")
    file = io.BytesIO()
    Image.new("RGB", (2000, 100), "#123456").save(file, "PNG", pnginfo=secret)
    image = upload(portals, file.getvalue() + b"<script>alert(1)</script>")
    content = kept(portals, image)
    assert b"Quill" not in content
    assert b"<script>" not in content
    with Image.open(io.BytesIO(content)) as read:
        assert (read.format, read.size) == ("PNG", (640, 32))
    assert (image["width"], image["height"], image["media_type"]) == (640, 32, "image/png")


def test_the_comment_and_the_facts_of_a_photograph_are_not_kept(portals: InProcess) -> None:
    facts = Image.Exif()
    facts[0x010E] = "Taken at Quill's"
    file = io.BytesIO()
    Image.new("RGB", (650, 412), "#123456").save(file, "JPEG", comment=b"Pat Quill", exif=facts)
    assert file.getvalue().count(b"Quill") == 2
    assert b"Quill" not in kept(portals, upload(portals, file.getvalue(), "welcome_image"))


def test_a_portal_has_only_so_many_images(portals: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    portals.call(definitions.create_portal, ADMIN, portal="few", kind="employee")
    monkeypatch.setattr(rules, "MOST_IMAGES", 2)
    stock = next(iter(rules.STOCK))
    upload(portals, an_image(), portal="few")
    portals.call(images.use_stock_image, ADMIN, portal="few", stock=stock)
    for again in (
        lambda: upload(portals, an_image(), portal="few"),
        lambda: portals.call(images.use_stock_image, ADMIN, portal="few", stock=stock),
    ):
        with pytest.raises(Refused) as refused:
            again()
        assert refused.value.code == "too_many_images"
    portals.call(definitions.create_portal, ADMIN, portal="more", kind="employee")
    upload(portals, an_image(), portal="more")  # each portal has its own


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("logo", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("logo", an_image("GIF")),
        ("logo", an_image("WEBP")),
        ("logo", b"\x89PNG\r\n\x1a\nbroken"),
        ("logo", an_image("JPEG")[:200]),
        ("logo", b""),
        ("welcome_image", an_image("PNG")),
        ("welcome_image", an_image("BMP")),
        ("logo", an_image("PNG", 6000, 6000)),
    ],
)
@pytest.mark.seed("S2-55")
def test_an_image_of_another_type_or_a_broken_or_huge_one_is_refused_and_not_kept(
    portals: InProcess, place: str, content: bytes
) -> None:
    before = portals.call(images.list_portal_images, ADMIN, portal="patient")["items"]
    with pytest.raises(Refused) as refused:
        upload(portals, content, place, "patient")
    assert (refused.value.code, refused.value.field) == ("image_refused", "document")
    assert portals.call(images.list_portal_images, ADMIN, portal="patient")["items"] == before


@pytest.mark.seed("S2-55")
def test_a_welcome_image_is_a_jpeg_named_after_its_portal_and_told_when_it_has_another_size(
    portals: InProcess,
) -> None:
    right = upload(portals, an_image("JPEG", 650, 412), "welcome_image")
    assert (right["alias"], right["warnings"]) == ("portal-landing-employee", [])
    other = upload(portals, an_image("JPEG", 800, 600), "welcome_image", "supervisor")
    assert other["alias"] == "supervisor-landing-supervisor"
    assert "650 by 412" in other["warnings"][0]
    publish(portals, "supervisor", welcome_image={"image_id": other["image_id"], "alternative_text": "Us"})
    shown = portals.call(configuration.get_portal_home, EMPLOYEE, portal="supervisor", languages=[])
    assert shown["welcome_image"]["width"] == 800
    with Image.open(io.BytesIO(kept(portals, other))) as read:
        assert (read.format, read.size) == ("JPEG", (800, 600))


@pytest.mark.seed("S2-123")
def test_there_are_jpeg_stock_images_for_the_portals_of_employees_and_supervisors(portals: InProcess) -> None:
    stock = [
        each["stock"] for each in portals.call(images.list_portal_images, ADMIN, portal="family")["stock"]
    ]
    assert {each.partition("-")[0] for each in stock} == {"employee", "supervisor"}
    for each in stock:
        image = portals.call(images.use_stock_image, ADMIN, portal=each.partition("-")[0], stock=each)
        with Image.open(io.BytesIO(kept(portals, image))) as read:
            assert (read.format, read.size) == ("JPEG", (650, 412))
        assert (image["is_stock"], image["warnings"]) == (True, [])
    with pytest.raises(Refused) as refused:
        portals.call(images.use_stock_image, ADMIN, portal="employee", stock="another")
    assert refused.value.code == "not_found"


def test_images_stay_with_their_organisation_and_those_who_configure_its_portals(portals: InProcess) -> None:
    logo = upload(portals, an_image("PNG", 30, 30))
    with pytest.raises(Refused) as refused:
        portals.call(images.open_portal_image, organisation="bayside", image_id=logo["image_id"])
    assert refused.value.code == "not_found"
    for caller in (a_caller(), EMPLOYEE):
        with pytest.raises(Refused) as refused:
            portals.call(images.list_portal_images, caller, portal="employee")
        assert refused.value.code == "forbidden"
    with pytest.raises(Refused) as refused:
        upload(portals, an_image("PNG", 30, 30), portal="nowhere")
    assert refused.value.code == "not_found"


def test_the_same_upload_again_gives_the_same_image_and_unused_files_go(
    portals: InProcess, tmp_path: Path
) -> None:
    document = portals.upload(an_image("PNG", 31, 31))
    request: dict[str, Any] = {"portal": "employee", "place": "logo", "document": document}
    first = portals.call(images.upload_portal_image, ADMIN, key="once", **request)
    assert portals.call(images.upload_portal_image, ADMIN, key="once", **request) == first
    lost, _ = portals.runtime.blobs.put_passing(HARBOR[0], [b"nobody's"], 100, IMAGES)
    portals.age_files(48)
    unused_files.sweep(portals.runtime, IMAGES, files_in_use)
    assert kept(portals, first)
    with pytest.raises(Refused):
        portals.runtime.blobs.find(HARBOR[0], lost, IMAGES)


def test_a_portal_that_was_added_has_images_under_its_own_suffix(portals: InProcess) -> None:
    portals.call(definitions.create_portal, ADMIN, portal="north-plant", kind="employee")
    image = upload(portals, an_image(), "welcome_image", "north-plant")
    assert image["alias"] == "portal-landing-north-plant"


@pytest.mark.seed("S2-1", "S2-2", "S2-15")
def test_each_portal_has_its_own_logo_colour_and_photograph(portals: InProcess) -> None:
    looks = {}
    for portal, colour in (("east-plant", "#aa0000"), ("west-plant", "#0000aa")):
        portals.call(
            definitions.create_portal, ADMIN, portal=portal, kind="employee", employer=portal.title()
        )
        pictures = {
            place: {
                "image_id": upload(portals, an_image(kind, wide, tall, colour), place, portal)["image_id"],
                "alternative_text": f"{place} of {portal}",
            }
            for place, kind, wide, tall in (("logo", "PNG", 300, 100), ("welcome_image", "JPEG", 650, 412))
        }
        publish(portals, portal, colour=colour, **pictures)
        looks[portal] = (colour, *pictures.values())
    for portal, (colour, logo, photograph) in looks.items():
        shown = portals.call(configuration.get_portal_home, ADMIN, portal=portal, languages=[])
        assert shown["colour"] == colour
        for name, chosen in (("logo", logo), ("welcome_image", photograph)):
            assert shown[name]["address"].endswith(chosen["image_id"])
            assert shown[name]["alternative_text"] == chosen["alternative_text"]
    for colour in ("red", "#12", "#gggggg"):
        with pytest.raises(Refused) as refused:
            publish(portals, "east-plant", colour=colour)
        assert refused.value.field == "colour"


@pytest.mark.seed("S2-82")
def test_a_supervisor_portal_has_the_options_of_an_employee_portal(portals: InProcess) -> None:
    photograph = upload(portals, an_image("JPEG", 650, 412, "#446688"), "welcome_image", "supervisor")
    publish(
        portals,
        "supervisor",
        terms={"supervisor": {"singular": {"en": "team lead"}}},
        product_name="Plant Health",
        description="For each supervisor.",
        colour="#334455",
        welcome_image={"image_id": photograph["image_id"], "alternative_text": "The plant"},
        ticker=[{"text": "**Closed** on Monday"}],
        has_message_center=False,
        is_single_function=True,
        modules=[{"code": "work_status"}, {"code": "support"}],
    )
    shown = portals.call(configuration.get_portal_home, EMPLOYEE, portal="supervisor", languages=[])
    assert (shown["description"], shown["product_name"]) == ("For each team lead.", "Plant Health")
    assert (shown["colour"], shown["goes_on_to"], shown["has_message_center"]) == (
        "#334455",
        "work_status",
        False,
    )
    assert shown["welcome_image"]["alternative_text"] == "The plant"
    assert shown["ticker"][0]["html"] == "<strong>Closed</strong> on Monday"
    draft = portals.call(drafts.get_portal_draft, ADMIN, portal="supervisor")
    portals.call(
        drafts.change_portal_draft,
        ADMIN,
        portal="supervisor",
        version=draft["version"],
        product_name="Tomorrow",
    )
    sample = portals.call(drafts.get_portal_sample, ADMIN, portal="supervisor", languages=[])
    assert sample["product_name"] == "Tomorrow"  # Show Sample, before anybody sees it
    assert (
        portals.call(configuration.get_portal_home, EMPLOYEE, portal="supervisor", languages=[])[
            "product_name"
        ]
        != "Tomorrow"
    )
    for changes, field in (
        ({"terms": {"supervisor": {"singular": {"en": "t" * 41}}}}, "terms.supervisor.singular"),
        ({"product_name": "n" * 26}, "product_name"),
    ):
        with pytest.raises(Refused) as refused:
            publish(portals, "supervisor", **changes)
        assert str(refused.value.field).startswith(field)
