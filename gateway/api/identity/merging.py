"""Routes of identity: merging two records of one person."""

from gateway.routes import Route
from services.contracts.identity import merging as api

ROUTES = (
    Route("GET", "/v1/merges/preview", api.preview_merge),
    Route("POST", "/v1/merges", api.merge_people),
    Route("POST", "/v1/merges/{merge_id}/undo", api.undo_merge),
    Route("GET", "/v1/people/{person_id}/merges", api.list_merges),
    Route("GET", "/v1/people/{person_id}/resolved", api.resolve_person),
)
