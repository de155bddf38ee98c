import io
import re
from tqdm import tqdm, trange
from tqdm.auto import tqdm as automatic
from tqdm.contrib.concurrent import thread_map

out = io.StringIO()
total = 0
for number in tqdm(range(5), desc="count", file=out, ncols=60, mininterval=0):
    total += number
last = out.getvalue().split("\r")[-1]
print(total, re.sub(r"\|#*\||\[.*\]", "..", last).strip())
bar = tqdm(total=2048, unit="B", unit_scale=True, file=out, disable=False, leave=False)
bar.update(1024)
bar.set_postfix(step=1, refresh=False)
print(bar.n, bar.total, bar.postfix, tqdm.format_sizeof(123456789), tqdm.format_interval(3725))
bar.close()
print(tqdm.format_meter(3, 10, 2.0, ncols=70, prefix="work", ascii=True))
print(list(trange(3, disable=True)), list(automatic("ab", disable=True)))
print(thread_map(lambda n: n * n, range(4), file=io.StringIO(), max_workers=2))
tqdm.write("a line")
