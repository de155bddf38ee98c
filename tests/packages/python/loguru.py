import io
import sys
from loguru import logger

logger.remove()
out = io.StringIO()
logger.add(out, format="{level: <8}|{name}:{function}|{message}|{extra}", level="DEBUG")
logger.add(sys.stdout, format="{level} {message}", backtrace=False, diagnose=False, colorize=False, filter=lambda record: record["level"].no >= 30 and not record["exception"])
logger.info("hello {}", "world")
logger.bind(user="ann").warning("careful {n:>4}", n=7)
with logger.contextualize(task=1):
    logger.debug("inside")


@logger.catch(reraise=True, message="caught")
def fails():
    return 1 / 0


try:
    fails()
except ZeroDivisionError as error:
    logger.error("failed: {!r}", error)
logger.level("NOTE", no=33, color="<blue>")
logger.log("NOTE", "a note")
logger.complete()
print([line for line in out.getvalue().splitlines() if "|" in line and line[0].isupper()][:6])
