"""Pancake flips: small lists of small integers."""


def fannkuch(n):
    permutation = list(range(n))
    count = list(range(n))
    flips_max = checksum = r = index = 0
    count = [0] * n
    r = n
    while True:
        while r > 1:
            count[r - 1] = r
            r -= 1
        flips, current = 0, permutation[:]
        while (first := current[0]) != 0:
            current[: first + 1] = current[first::-1]
            flips += 1
        flips_max = max(flips_max, flips)
        checksum += -flips if index % 2 else flips
        while True:
            if r == n:
                return checksum, flips_max
            permutation.insert(r, permutation.pop(0))
            count[r] -= 1
            if count[r] > 0:
                break
            r += 1
        index += 1


print(fannkuch(9))
