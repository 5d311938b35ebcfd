"""Sends spans by OpenTelemetry, as its standard environment variables say. The only module that knows OpenTelemetry,
and never a reason not to sell: where it cannot start that is logged, and nothing is traced.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from kelaspay import __version__
from kelaspay.faults import Fault
from kelaspay.tracing import FAULT, Kind, Span, Tracing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span as OpenSpan

    from kelaspay.tracing import Known

CLOSE_SECONDS = 2.0
"""How long a process that ends tries to send what is left."""
TRACEPARENT = "traceparent"
KINDS = {
    Kind.INTERNAL: SpanKind.INTERNAL,
    Kind.SERVER: SpanKind.SERVER,
    Kind.CLIENT: SpanKind.CLIENT,
    Kind.PRODUCER: SpanKind.PRODUCER,
}
PROPAGATOR = TraceContextTextMapPropagator()
"""W3C's alone: baggage could carry what belongs to nobody here."""


class Spans(Tracing):
    """Traces, with a provider of its own: other libraries find no global one and send nothing of theirs, whose spans
    would hold whole addresses.
    """

    on = True

    def __init__(self, exporter: SpanExporter, processor: SpanProcessor) -> None:
        self._exporter = exporter
        own = Resource.create({"service.name": "kelaspay", "service.version": __version__})
        named = own.merge(OTELResourceDetector().detect())  # OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
        self._provider = TracerProvider(resource=named, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("kelaspay", __version__)

    @contextmanager
    def span(
        self, name: str, known: Known | None = None, *, parent: str | None = None, kind: Kind = Kind.INTERNAL
    ) -> Iterator[Span]:
        within = PROPAGATOR.extract({TRACEPARENT: parent}, context=Context()) if parent else None
        with self._tracer.start_as_current_span(
            name,
            context=within,
            kind=KINDS[kind],
            attributes=known,
            record_exception=False,  # its text may hold what a buyer typed
            set_status_on_exception=False,
        ) as opened:
            span = _Open(opened)
            try:
                yield span
            except Exception as error:
                span.failed(error.code() if isinstance(error, Fault) else type(error).__name__)
                raise

    def here(self) -> str | None:
        carried: dict[str, str] = {}
        PROPAGATOR.inject(carried)
        return carried.get(TRACEPARENT)

    def close(self) -> None:
        hurry = Timer(CLOSE_SECONDS, self._exporter.shutdown)  # ends its tries at a collector that is away
        hurry.start()
        self._provider.shutdown()
        hurry.cancel()


class _Open(Span):
    def __init__(self, span: OpenSpan) -> None:
        self._span = span

    def tell(self, known: Known) -> None:
        self._span.set_attributes(known)

    def called(self, name: str) -> None:
        self._span.update_name(name)

    def failed(self, why: str) -> None:
        self._span.set_attribute(FAULT, why)
        self._span.set_status(Status(StatusCode.ERROR, why))


def to_collector() -> Spans:
    """Sends to OTEL_EXPORTER_OTLP_ENDPOINT in batches, from a thread of its own."""
    exporter = OTLPSpanExporter()
    return Spans(exporter, BatchSpanProcessor(exporter))


def to(exporter: SpanExporter) -> Spans:
    """Sends each span at once."""
    return Spans(exporter, SimpleSpanProcessor(exporter))
