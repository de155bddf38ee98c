import asyncio
from tenacity import RetryError, Retrying, before_sleep_log, retry, retry_if_exception_type, retry_if_result, stop_after_attempt, stop_after_delay, wait_exponential, wait_fixed, wait_none

calls = []


@retry(stop=stop_after_attempt(3), wait=wait_fixed(0), retry=retry_if_exception_type(ValueError), reraise=True)
def flaky():
    calls.append(1)
    if len(calls) < 3:
        raise ValueError("again")
    return "ok"


print(flaky(), len(calls), flaky.statistics["attempt_number"])


@retry(stop=stop_after_attempt(2), wait=wait_none(), retry=retry_if_result(lambda value: value is None))
async def nothing():
    return None


try:
    asyncio.run(nothing())
except RetryError as error:
    print(type(error).__name__, error.last_attempt.attempt_number, error.last_attempt.result())
for attempt in Retrying(stop=stop_after_attempt(2), wait=wait_none()):
    with attempt:
        print("attempt", attempt.retry_state.attempt_number)
        if attempt.retry_state.attempt_number < 2:
            raise KeyError("x")
print([wait_exponential(multiplier=1, max=10)(type("S", (), {"attempt_number": n})()) for n in range(1, 6)])
