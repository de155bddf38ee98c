import io
import logging
import structlog

structlog.configure(
    processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(sort_keys=True)],
    wrapper_class=structlog.make_filtering_bound_logger(logging.INFO), logger_factory=structlog.PrintLoggerFactory(), cache_logger_on_first_use=False,
)
log = structlog.get_logger()
log.debug("hidden")
log.info("started", user="ann", n=3)
structlog.contextvars.bind_contextvars(request="r1")
bound = log.bind(part="x")
bound.warning("careful", items=[1, 2])
structlog.contextvars.clear_contextvars()
bound.unbind("part").error("failed %s", "here")
structlog.configure(processors=[structlog.processors.add_log_level, structlog.dev.ConsoleRenderer(colors=False)])
structlog.get_logger().info("console", key="value", other=1)
print(structlog.processors.KeyValueRenderer(key_order=["event"])(None, None, {"b": 1, "event": "e"}), structlog.stdlib.get_logger("x").bind(a=1)._context)
with structlog.testing.capture_logs() as logs:
    structlog.get_logger().info("caught", a=1)
print(logs)
