"""Extends Schemathesis for Cubby: authentication, existing ids, scalars, and a check of each response."""

import json
import os
import urllib.request
import uuid
import zlib

import graphql
import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes

URL = os.environ["CUBBY_URL"].rstrip("/") + "/graphql"

SIGN_UP = """mutation ($input: SignUpInput!) {
  signUp(input: $input) { tokens { accessToken } user { id } session { id } }
}"""

CREATE = "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id } } }"


def execute(query, given, token=None):
    body = json.dumps({"query": query, "variables": {"input": given}}).encode()
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    with urllib.request.urlopen(urllib.request.Request(URL, body, headers), timeout=30) as response:
        return json.load(response)["data"]


def sign_up():
    given = {"email": f"fuzz-{uuid.uuid4()}@example.com", "password": "correct horse"}
    return execute(SIGN_UP, given)["signUp"]


USER = sign_up()
TOKEN = USER["tokens"]["accessToken"]
IDS = [USER["user"]["id"], USER["session"]["id"]] + [
    execute(CREATE, {"title": str(number)}, TOKEN)["createTask"]["task"]["id"] for number in range(20)
]


class Bearer:
    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.auth(refresh_interval=None).skip_for(name="Mutation.signOut")
class OneUser(Bearer):
    """Authenticates as one user throughout, whose rows exist."""

    def get(self, case, context):
        return TOKEN


@schemathesis.auth(refresh_interval=1).apply_to(name="Mutation.signOut")
class NewUser(Bearer):
    """Authenticates signOut as new users, since it ends the session."""

    def get(self, case, context):
        return sign_up()["tokens"]["accessToken"]


class RealIds(graphql.Visitor):
    """Replaces half of the ids by existing ones, since random ids match nothing."""

    def enter(self, node, *_):
        if not isinstance(node, graphql.ArgumentNode | graphql.ObjectFieldNode) or node.name.value != "id":
            return None
        if not isinstance(node.value, graphql.StringValueNode):
            return None
        # Derived from the random id, so that failures are reproducible.
        number = zlib.crc32(node.value.value.encode("utf-8", "replace")) % (2 * len(IDS))
        if number >= len(IDS):
            return None
        return type(node)(name=node.name, value=nodes.String(IDS[number]))


@schemathesis.hook
def map_body(context, body):
    return graphql.visit(body, RealIds())


ZONES = st.sampled_from(["UTC", "Europe/Vienna", "Asia/Kathmandu"]) | st.text()

schemathesis.graphql.scalar("TimeZone", ZONES.map(nodes.String))
schemathesis.graphql.scalar("SyncToken", st.text().map(nodes.String))
DATE_TIMES = st.datetimes().map(lambda at: f"{at.isoformat()}Z")
DATES = st.dates().map(str)
TIMES = st.times().map(lambda at: at.isoformat("seconds"))
DURATIONS = st.sampled_from(["P0D", "-P1W", "P1M", "PT2H", "-P1DT30M", "P9999Y", "-P99999D"])
schemathesis.graphql.scalar("DateTime", DATE_TIMES.map(nodes.String))
schemathesis.graphql.scalar("LocalDate", (DATES | st.text()).map(nodes.String))
schemathesis.graphql.scalar("LocalTime", (TIMES | st.text()).map(nodes.String))
schemathesis.graphql.scalar("DateOrDuration", (DATES | DATE_TIMES | DURATIONS | st.text()).map(nodes.String))


@schemathesis.check
def is_graphql_response(ctx, response, case):
    """Checks that the response is GraphQL, and that each error has a code other than INTERNAL_SERVER_ERROR."""
    status = response.status_code
    try:
        body = response.json()
    except ValueError:
        raise AssertionError(f"{status} without JSON") from None
    assert isinstance(body, dict), f"{status} with JSON that is not an object"
    assert body.keys() <= {"data", "errors", "extensions"}, f"{status} with the keys {list(body)}"
    errors = body.get("errors", [])
    assert "data" in body or errors, f"{status} with neither data nor errors"
    codes = [error.get("extensions", {}).get("code") for error in errors]
    assert all(codes), f"{status} with an error without a code: {errors}"
    assert "INTERNAL_SERVER_ERROR" not in codes, f"{status}: {errors}"
    if status >= 500:
        assert (status, set(codes)) == (503, {"SERVICE_UNAVAILABLE"}), f"{status} with the codes {codes}"
