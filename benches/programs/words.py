"""Strings and dictionaries."""

text = " ".join(f"word{i * 7919 % 1009} and {i}" for i in range(20_000))
for _ in range(20):
    counts = {}
    for word in text.split():
        key = word.strip("0123456789").upper()
        counts[key] = counts.get(key, 0) + len(word)
    best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:3]
print(best)
