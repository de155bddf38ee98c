"""`hashlib.pbkdf2_hmac` and `hashlib.scrypt`, which CPython takes from OpenSSL."""

import _wxmcp_native as _native
import hmac
import operator

_INT_MAX = (1 << 31) - 1
# OpenSSL's bound of memory where the caller names none.
_SCRYPT_MEMORY = 32 << 20


def pbkdf2_hmac(hash_name, password, salt, iterations, dklen=None):
    """Password based key derivation function 2 (PKCS #5 v2.0) with HMAC as pseudorandom function."""
    if not isinstance(hash_name, str):
        raise TypeError(f"pbkdf2_hmac() argument 'hash_name' must be str, not {type(hash_name).__name__}")
    iterations = operator.index(iterations)
    name = _plain(hash_name)
    try:
        digest_size = hmac.new(b"", digestmod=name).digest_size
    except ValueError:
        raise ValueError("[digital envelope routines] unsupported") from None
    if iterations < 1:
        raise ValueError("iteration value must be greater than 0.")
    if iterations > _INT_MAX:
        raise OverflowError("iteration value is too great.")
    size = digest_size if dklen is None else operator.index(dklen)
    if size < 1:
        raise ValueError("key length must be greater than 0.")
    if size > _INT_MAX:
        raise OverflowError("key length is too great.")
    key = _native.pbkdf2(name, password, salt, iterations, size)
    return _pbkdf2(name, bytes(password), bytes(salt), iterations, size) if key is None else key


def _plain(name):
    """The name of a hash as `hashlib` has it."""
    plain = name.lower().replace("sha2-", "sha").replace("-", "_")
    if plain.startswith("sha_"):
        plain = "sha" + plain[4:]
    return {"blake2b512": "blake2b", "blake2s256": "blake2s"}.get(plain, plain)


def _pbkdf2(name, password, salt, iterations, size):
    """The same for the hashes that the native module does not have."""
    keyed = hmac.new(password, digestmod=name)

    def prf(data):
        one = keyed.copy()
        one.update(data)
        return one.digest()

    made = b""
    number = 0
    while len(made) < size:
        number += 1
        block = prf(salt + number.to_bytes(4))
        total = int.from_bytes(block)
        for _ in range(iterations - 1):
            block = prf(block)
            total ^= int.from_bytes(block)
        made += total.to_bytes(len(block))
    return made[:size]


def scrypt(password, *, salt, n, r, p, maxmem=0, dklen=64):
    """scrypt password-based key derivation function."""
    n, r, p, maxmem, dklen = map(operator.index, (n, r, p, maxmem, dklen))
    if n < 2 or n & (n - 1):
        raise ValueError("n must be a power of 2.")
    if r < 1:
        raise ValueError("r must be positive.") if r else ValueError("Invalid parameter combination for n, r, p, maxmem.")
    if p < 1:
        raise ValueError("p must be positive.") if p else ValueError("Invalid parameter combination for n, r, p, maxmem.")
    if not 0 <= maxmem <= _INT_MAX:
        raise ValueError(f"maxmem must be positive and smaller than {_INT_MAX}")
    if not 0 < dklen <= _INT_MAX:
        raise ValueError(f"dklen must be greater than 0 and smaller than {_INT_MAX}")
    needed = 128 * r * (p + n + 2)
    if needed > (maxmem or _SCRYPT_MEMORY) or p > ((1 << 30) - 1) // r or (16 * r <= 63 and n >> 16 * r):
        raise ValueError("[digital envelope routines] memory limit exceeded")
    return _native.scrypt(password, salt, n, r, p, dklen)


def put_into(hashlib):
    """Gives the module its two functions."""
    for function in (pbkdf2_hmac, scrypt):
        setattr(hashlib, function.__name__, function)
    if "pbkdf2_hmac" not in hashlib.__all__:
        hashlib.__all__ += ("pbkdf2_hmac",)


for _function in (pbkdf2_hmac, scrypt):
    _function.__module__ = "_hashlib"
