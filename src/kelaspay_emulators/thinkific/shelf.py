"""A plain collection of the Admin API: records that are listed, made, read, changed and removed without further ado."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific.answers import RefusedError, answer, empty, errors, instant, not_found
from kelaspay_emulators.thinkific.asked import Route, blank

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Response

    from kelaspay_emulators.thinkific.asked import Asked
    from kelaspay_emulators.thinkific.records import JSON


@dataclass(frozen=True, slots=True)
class Shelf:
    name: str
    fields: JSON = field(default_factory=dict)
    """What a record consists of, with the value of whatever is not sent."""
    required: tuple[str, ...] = ()
    created_status: int = 201
    complaint: str = "can't be blank"
    missing: Callable[[], Response] = not_found

    def all(self, asked: Asked) -> list[JSON]:
        return list(asked.school.kept[self.name].values())

    def one(self, asked: Asked, name: str = "id") -> JSON:
        record = asked.school.kept[self.name].get(asked.ids[name])
        if record is None:
            raise RefusedError(self.missing())
        return record

    def add(self, asked: Asked, **more: object) -> JSON:
        """Make a record from the body; 422 where a required field is blank."""
        wrong = {name: [self.complaint] for name in self.required if blank(asked.body.get(name))}
        if wrong:
            raise RefusedError(errors(wrong))
        record: JSON = {"id": asked.school.next_id(), "created_at": instant(asked.now)}
        record |= {name: asked.body.get(name, value) for name, value in self.fields.items()}
        record |= more
        asked.school.kept[self.name][str(record["id"])] = record
        return record

    def list_all(self, asked: Asked) -> Response:
        return asked.page.of(self.all(asked), dict)

    def create(self, asked: Asked) -> Response:
        return answer(self.add(asked), self.created_status)

    def get(self, asked: Asked) -> Response:
        return answer(self.one(asked))

    def update(self, asked: Asked) -> Response:
        record = self.one(asked)
        wrong = {name: [self.complaint] for name in self.required if name in asked.body and blank(asked.body[name])}
        if wrong:
            return errors(wrong)
        record |= {name: value for name, value in asked.body.items() if name in self.fields}
        return empty()

    def delete(self, asked: Asked) -> Response:
        self.one(asked)
        del asked.school.kept[self.name][asked.ids["id"]]
        return empty()

    def routes(self, verbs: str) -> list[Route]:
        """Those of `list create get update delete` that the collection has."""
        known = {
            "list": Route("GET", f"/{self.name}", self.list_all),
            "create": Route("POST", f"/{self.name}", self.create),
            "get": Route("GET", f"/{self.name}/<id>", self.get),
            "update": Route("PUT", f"/{self.name}/<id>", self.update),
            "delete": Route("DELETE", f"/{self.name}/<id>", self.delete),
        }
        return [known[verb] for verb in verbs.split()]
