import json
import re
import subprocess
import sys
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.routes import schemas
from service.settings import Settings

ROUTES = {
    ("post", "/search"): {"200", "400", "401", "408", "413", "415", "422", "429", "500", "503"},
    ("post", "/search/batch"): {"200", "400", "401", "408", "413", "415", "422", "429", "500", "503"},
    ("get", "/similar/{photo_id}"): {"200", "401", "404", "422", "429", "500", "503"},
    ("get", "/photos/{photo_id}"): {"200", "206", "304", "401", "404", "409", "416", "429", "500", "503", "default"},
    ("get", "/thumbnails/{photo_id}"): {"200", "304", "401", "404", "429", "500", "503", "default"},
    ("get", "/healthz"): {"200"},
    ("get", "/readyz"): {"200", "503"},
    ("get", "/info"): {"200", "401", "429", "500"},
    ("get", "/metrics"): {"200", "401", "403", "429"},
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(Settings(max_k=50)).openapi()


def test_every_route_documents_its_answers(document: dict[str, Any]) -> None:
    documented = {
        (method, path): set(operation["responses"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert documented == ROUTES


def test_every_operation_and_parameter_is_described(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            assert operation["description"], path
            for parameter in operation.get("parameters", []):
                assert parameter["description"], (path, parameter["name"])


def test_every_documented_error_has_the_one_form(document: dict[str, Any]) -> None:
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status.isdecimal() and int(status) >= 400:
                    reference = response["content"]["application/json"]["schema"]["$ref"]
                    assert reference == "#/components/schemas/ErrorAnswer"
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_every_reference_in_the_document_resolves(document: dict[str, Any]) -> None:
    names = re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document))
    assert set(names) == set(document["components"]["schemas"])


def test_every_model_says_what_it_is() -> None:
    for name, model in vars(schemas).items():
        if isinstance(model, type) and issubclass(model, schemas._Answer) and model is not schemas._Answer:
            assert model.__doc__, name


def test_the_limits_in_the_document_are_those_of_the_settings(document: dict[str, Any]) -> None:
    body = document["paths"]["/search"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["$ref"]
    k = document["components"]["schemas"][body.rpartition("/")[2]]["properties"]["k"]
    assert (k["minimum"], k["maximum"], k["default"]) == (1, 50, 12)


def test_the_examples_are_answers_of_their_form(document: dict[str, Any]) -> None:
    assert schemas.ErrorAnswer.model_validate(document["components"]["schemas"]["ErrorAnswer"]["examples"][0])
    assert schemas.PhotoResult.model_validate(document["components"]["schemas"]["PhotoResult"]["examples"][0])


def test_the_document_is_served_but_no_page_that_loads_scripts_from_elsewhere(client: TestClient) -> None:
    assert client.get("/openapi.json").json()["info"]["title"] == "Sketch search"
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404


@pytest.mark.parametrize(
    "path", ["/nothing", "/search/", "/page/nothing.js", "/page/..%2fapp.py", "/page/%00", "/%2e%2e/x"]
)
def test_an_address_that_does_not_exist_is_a_404_in_the_one_form(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_a_method_that_is_not_offered_names_the_one_that_is(client: TestClient) -> None:
    response = client.get("/search")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.json()["error"]["message"] == "GET '/search' is not offered; use POST."


def test_the_page_is_served_with_a_policy_that_allows_only_this_origin(client: TestClient) -> None:
    response = client.get("/")
    assert response.headers["content-type"].startswith("text/html")
    policy = response.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "img-src 'self' blob: data:" in policy
    assert "unsafe" not in policy
    assert response.headers["cache-control"] == "no-cache"
    assert client.get("/", headers={"If-None-Match": response.headers["etag"]}).status_code == 304
    assert client.get("/page/index.html").text == response.text


def test_the_service_loads_without_what_only_training_or_a_search_needs() -> None:
    heavy = {"torch", "timm", "onnx", "torchvision", "onnxruntime", "openvino", "faiss"}
    program = f"import sys, service.app; print(sorted({heavy!r} & set(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
