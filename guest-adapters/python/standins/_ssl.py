"""What `ssl` is made of, without TLS: the host secures requests, and decides whom to trust.

Contexts can be made and set up as everywhere, and have no effect. In place of a handshake goes a record that asks the
host to secure the connection (see `lines` of the adapter); what follows is passed on as it is.
"""

import errno as _errno
import os as _os
import weakref as _weakref

_NUMBERS = """
ALERT_DESCRIPTION_ACCESS_DENIED=49 ALERT_DESCRIPTION_BAD_CERTIFICATE=42 ALERT_DESCRIPTION_BAD_CERTIFICATE_HASH_VALUE=114
ALERT_DESCRIPTION_BAD_CERTIFICATE_STATUS_RESPONSE=113 ALERT_DESCRIPTION_BAD_RECORD_MAC=20
ALERT_DESCRIPTION_CERTIFICATE_EXPIRED=45 ALERT_DESCRIPTION_CERTIFICATE_REVOKED=44
ALERT_DESCRIPTION_CERTIFICATE_UNKNOWN=46 ALERT_DESCRIPTION_CERTIFICATE_UNOBTAINABLE=111 ALERT_DESCRIPTION_CLOSE_NOTIFY=0
ALERT_DESCRIPTION_DECODE_ERROR=50 ALERT_DESCRIPTION_DECOMPRESSION_FAILURE=30 ALERT_DESCRIPTION_DECRYPT_ERROR=51
ALERT_DESCRIPTION_HANDSHAKE_FAILURE=40 ALERT_DESCRIPTION_ILLEGAL_PARAMETER=47 ALERT_DESCRIPTION_INSUFFICIENT_SECURITY=71
ALERT_DESCRIPTION_INTERNAL_ERROR=80 ALERT_DESCRIPTION_NO_RENEGOTIATION=100 ALERT_DESCRIPTION_PROTOCOL_VERSION=70
ALERT_DESCRIPTION_RECORD_OVERFLOW=22 ALERT_DESCRIPTION_UNEXPECTED_MESSAGE=10 ALERT_DESCRIPTION_UNKNOWN_CA=48
ALERT_DESCRIPTION_UNKNOWN_PSK_IDENTITY=115 ALERT_DESCRIPTION_UNRECOGNIZED_NAME=112
ALERT_DESCRIPTION_UNSUPPORTED_CERTIFICATE=43 ALERT_DESCRIPTION_UNSUPPORTED_EXTENSION=110
ALERT_DESCRIPTION_USER_CANCELLED=90 CERT_NONE=0 CERT_OPTIONAL=1 CERT_REQUIRED=2 ENCODING_DER=2 ENCODING_PEM=1
HOSTFLAG_ALWAYS_CHECK_SUBJECT=1 HOSTFLAG_MULTI_LABEL_WILDCARDS=8 HOSTFLAG_NEVER_CHECK_SUBJECT=32
HOSTFLAG_NO_PARTIAL_WILDCARDS=4 HOSTFLAG_NO_WILDCARDS=2 HOSTFLAG_SINGLE_LABEL_SUBDOMAINS=16 OP_ALL=2147483728
OP_CIPHER_SERVER_PREFERENCE=4194304 OP_ENABLE_MIDDLEBOX_COMPAT=1048576 OP_IGNORE_UNEXPECTED_EOF=128
OP_NO_COMPRESSION=131072 OP_NO_RENEGOTIATION=1073741824 OP_NO_SSLv2=0 OP_NO_SSLv3=33554432 OP_NO_TICKET=16384
OP_NO_TLSv1=67108864 OP_NO_TLSv1_1=268435456 OP_NO_TLSv1_2=134217728 OP_NO_TLSv1_3=536870912 OP_SINGLE_DH_USE=0
OP_SINGLE_ECDH_USE=0 PROTOCOL_SSLv23=2 PROTOCOL_TLS=2 PROTOCOL_TLS_CLIENT=16 PROTOCOL_TLS_SERVER=17 PROTOCOL_TLSv1=3
PROTOCOL_TLSv1_1=4 PROTOCOL_TLSv1_2=5 PROTO_MAXIMUM_SUPPORTED=-1 PROTO_MINIMUM_SUPPORTED=-2 PROTO_SSLv3=768
PROTO_TLSv1=769 PROTO_TLSv1_1=770 PROTO_TLSv1_2=771 PROTO_TLSv1_3=772 SSL_ERROR_EOF=8 SSL_ERROR_INVALID_ERROR_CODE=10
SSL_ERROR_SSL=1 SSL_ERROR_SYSCALL=5 SSL_ERROR_WANT_CONNECT=7 SSL_ERROR_WANT_READ=2 SSL_ERROR_WANT_WRITE=3
SSL_ERROR_WANT_X509_LOOKUP=4 SSL_ERROR_ZERO_RETURN=6 VERIFY_ALLOW_PROXY_CERTS=64 VERIFY_CRL_CHECK_CHAIN=12
VERIFY_CRL_CHECK_LEAF=4 VERIFY_DEFAULT=0 VERIFY_X509_PARTIAL_CHAIN=524288 VERIFY_X509_STRICT=32
VERIFY_X509_TRUSTED_FIRST=32768
"""
globals().update({name: int(number) for name, _, number in (one.partition("=") for one in _NUMBERS.split())})

HAS_SNI = HAS_ECDH = HAS_ALPN = HAS_TLSv1_2 = HAS_TLSv1_3 = HAS_PHA = HAS_PSK = True
HAS_NPN = HAS_SSLv2 = HAS_SSLv3 = HAS_TLSv1 = HAS_TLSv1_1 = HAS_TLS_UNIQUE = HAS_PSK_TLS13 = False
OPENSSL_VERSION = "OpenSSL 3.0.0: none, wxmcp's host speaks TLS"
OPENSSL_VERSION_INFO = _OPENSSL_API_VERSION = (3, 0, 0, 0, 0)
OPENSSL_VERSION_NUMBER = 0x30000000
_DEFAULT_CIPHERS = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
err_codes_to_names, err_names_to_codes, lib_codes_to_names = {}, {}, {}

_OBJECTS = (
    (129, "serverAuth", "TLS Web Server Authentication", "1.3.6.1.5.5.7.3.1"),
    (130, "clientAuth", "TLS Web Client Authentication", "1.3.6.1.5.5.7.3.2"),
)


class SSLError(OSError):
    """An error occurred in the SSL implementation."""

    __module__ = "ssl"
    library = reason = None

    def __str__(self):
        return str(self.strerror if self.strerror is not None else self.args)


def _kind(name, doc, *bases):
    return type(name, bases or (SSLError,), {"__doc__": doc, "__module__": "ssl"})


SSLZeroReturnError = _kind("SSLZeroReturnError", "SSL/TLS session closed cleanly.")
SSLWantReadError = _kind("SSLWantReadError", "Non-blocking SSL socket needs to read more data.")
SSLWantWriteError = _kind("SSLWantWriteError", "Non-blocking SSL socket needs to write more data.")
SSLSyscallError = _kind("SSLSyscallError", "System error when attempting SSL operation.")
SSLEOFError = _kind("SSLEOFError", "SSL/TLS connection terminated abruptly.")
SSLCertVerificationError = _kind("SSLCertVerificationError", "A certificate could not be verified.", SSLError, ValueError)


def _refuse(*args, **kwargs):
    raise SSLError(_errno.ENOTSUP, "The sandbox speaks no TLS: the host secures connections, and has their certificates")


def txt2obj(txt, name=False):
    """The object of that OID, or of that name."""
    for found in _OBJECTS:
        if txt == found[3] or (name and txt in found[1:3]):
            return found
    raise ValueError(f"unknown object '{txt[:100]}'")


def nid2obj(nid, /):
    """The object of that NID."""
    for found in _OBJECTS:
        if nid == found[0]:
            return found
    raise ValueError(f"unknown NID {nid}")


def RAND_status():
    """Always true: random numbers are the system's."""
    return True


def RAND_add(string, entropy, /):
    """Adds nothing: random numbers are the system's."""


def RAND_bytes(n, /):
    """Generate n cryptographically strong pseudo-random bytes."""
    if n < 0:
        raise ValueError("num must be positive")
    return _os.urandom(n)


def get_default_verify_paths():
    """Where certificates would be."""
    return "SSL_CERT_FILE", "/usr/lib/ssl/cert.pem", "SSL_CERT_DIR", "/usr/lib/ssl/certs"


_test_decode_cert = _refuse


class _SSLContext:
    """Settings of connections, kept as they are set."""

    def __new__(cls, protocol):
        self = object.__new__(cls)
        known = (PROTOCOL_TLS, PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER, PROTOCOL_TLSv1, PROTOCOL_TLSv1_1, PROTOCOL_TLSv1_2)
        if protocol not in known:
            raise ValueError("invalid or unsupported protocol version")
        client = protocol == PROTOCOL_TLS_CLIENT
        self._protocol = protocol
        self._verify_mode = CERT_REQUIRED if client else CERT_NONE
        self._check_hostname = client
        self._options = OP_ALL | OP_NO_SSLv3 | OP_CIPHER_SERVER_PREFERENCE | OP_NO_COMPRESSION | OP_ENABLE_MIDDLEBOX_COMPAT
        self._minimum, self._maximum = PROTO_TLSv1_2, PROTO_MAXIMUM_SUPPORTED
        self._verify_flags = VERIFY_X509_TRUSTED_FIRST
        self._host_flags = 4
        self._ciphers = _DEFAULT_CIPHERS
        self.sni_callback = self.keylog_filename = self._callback = None
        self.post_handshake_auth = False
        self.num_tickets = 2
        self.security_level = 2
        self._offers_http = False
        return self

    def __reduce__(self):
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")

    @property
    def verify_mode(self):
        return self._verify_mode

    @verify_mode.setter
    def verify_mode(self, mode):
        if mode not in (CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED):
            raise ValueError("invalid value for verify_mode")
        if mode == CERT_NONE and self._check_hostname:
            raise ValueError("Cannot set verify_mode to CERT_NONE when check_hostname is enabled.")
        self._verify_mode = mode

    @property
    def check_hostname(self):
        return self._check_hostname

    @check_hostname.setter
    def check_hostname(self, check):
        if check and self._verify_mode == CERT_NONE:
            self._verify_mode = CERT_REQUIRED
        self._check_hostname = bool(check)

    def _plain(name):
        def put(self, value):
            setattr(self, name, int(value))

        return property(lambda self: getattr(self, name), put)

    protocol = property(lambda self: self._protocol)
    options, verify_flags = _plain("_options"), _plain("_verify_flags")
    minimum_version, maximum_version = _plain("_minimum"), _plain("_maximum")
    del _plain

    @property
    def _msg_callback(self):
        return self._callback

    @_msg_callback.setter
    def _msg_callback(self, callback):
        self._callback = callback

    def set_ciphers(self, cipherlist, /):
        """Keeps the list."""
        if not isinstance(cipherlist, str):
            raise TypeError(f"set_ciphers() argument must be str, not {type(cipherlist).__name__}")
        self._ciphers = cipherlist

    def get_ciphers(self):
        """None: the host chooses."""
        return []

    def load_cert_chain(self, certfile, keyfile=None, password=None):
        """Refuses: the host has the certificates of connections."""
        for name in (certfile, keyfile):
            if name is not None:
                open(name, "rb").close()
        raise SSLError(_errno.ENOTSUP, "The sandbox has no client certificates: connections of wxmcp.toml have them")

    def load_verify_locations(self, cafile=None, capath=None, cadata=None):
        """Reads nothing: the host decides whom to trust."""
        if cafile is None and capath is None and cadata is None:
            raise TypeError("cafile, capath and cadata cannot be all omitted")
        for name in (cafile, capath):
            if name is not None:
                _os.stat(name)

    def set_default_verify_paths(self):
        """Has no effect: the host decides whom to trust."""

    def load_dh_params(self, filepath, /):
        """Has no effect."""
        _os.stat(filepath)

    def set_ecdh_curve(self, name, /):
        """Has no effect."""

    def cert_store_stats(self):
        """None that could be counted: the host decides whom to trust."""
        return {"x509": 0, "crl": 0, "x509_ca": 0}

    def session_stats(self):
        """There were no sessions."""
        names = "number connect connect_good connect_renegotiate accept accept_good accept_renegotiate hits misses timeouts"
        return dict.fromkeys([*names.split(), "cache_full"], 0)

    def get_ca_certs(self, binary_form=False):
        """None that could be listed: the host decides whom to trust."""
        return []

    def _set_alpn_protocols(self, protocols, /):
        self._offers_http = b"\x08http/1.1" in bytes(protocols)

    def _set_npn_protocols(self, protocols, /):
        """Has no effect."""

    def set_psk_client_callback(self, callback):
        """Has no effect."""

    def set_psk_server_callback(self, callback, identity_hint=None):
        """Has no effect."""

    def _wrap_socket(self, sock, server_side, server_hostname=None, *, owner=None, session=None):
        return _SSLSocket(self, _OverSocket(sock), server_side, server_hostname, owner)

    def _wrap_bio(self, incoming, outgoing, server_side, server_hostname=None, *, owner=None, session=None):
        return _SSLSocket(self, _OverBuffers(incoming, outgoing), server_side, server_hostname, owner)


class MemoryBIO:
    """Bytes on their way to and from TLS."""

    def __init__(self):
        self._bytes, self._ended = bytearray(), False

    pending = property(lambda self: len(self._bytes))
    eof = property(lambda self: self._ended and not self._bytes)

    def read(self, size=-1, /):
        """Up to size bytes, all by default."""
        size = len(self._bytes) if size < 0 else size
        found = bytes(self._bytes[:size])
        del self._bytes[:size]
        return found

    def write(self, b, /):
        """Keeps the bytes, and tells how many."""
        if self._ended:
            raise SSLError("cannot write() after write_eof()")
        self._bytes += memoryview(b)
        return memoryview(b).nbytes

    def write_eof(self):
        """Marks the end."""
        self._ended = True


class SSLSession:
    """A session, of which there is none."""


class _OverSocket:
    """Bytes of a connection over a socket."""

    def __init__(self, sock):
        import socket

        self._sock = _weakref.ref(sock)
        self._socket = socket.socket

    def read(self, size):
        try:
            return self._socket.recv(self._sock(), size)
        except BlockingIOError:
            raise SSLWantReadError(SSL_ERROR_WANT_READ, "The operation did not complete (read)") from None

    def write(self, data):
        return self._socket.send(self._sock(), data)


class _OverBuffers:
    """Bytes of a connection over two `MemoryBIO`."""

    def __init__(self, incoming, outgoing):
        self._incoming, self._outgoing = incoming, outgoing

    def read(self, size):
        data = self._incoming.read(size)
        if not data and not self._incoming.eof:
            raise SSLWantReadError(SSL_ERROR_WANT_READ, "The operation did not complete (read)")
        return data

    def write(self, data):
        return self._outgoing.write(data)


# A record in place of a handshake, and what begins its content.
_HELLO, _MARK = b"\x16\x03\x01", b"wxmcp\0"


class _SSLSocket:
    """A connection that the host secures."""

    session, session_reused = None, False

    def __init__(self, context, under, server_side, server_hostname, owner):
        if server_side:
            _refuse()
        self.context, self.server_side, self.owner = context, False, owner
        self.server_hostname = server_hostname.decode() if isinstance(server_hostname, bytes) else server_hostname
        self._under, self._told, self._is_asked, self._is_secured = under, b"", False, False

    def do_handshake(self):
        """Has the host secure the connection."""
        if self._is_secured:
            return
        if not self._is_asked:
            name = _MARK + (self.server_hostname or "").encode()
            self._under.write(_HELLO + len(name).to_bytes(2, "big") + name)
            self._is_asked = True
        while len(self._told) < self._length():
            data = self._under.read(self._length() - len(self._told))
            if not data:
                raise SSLEOFError(SSL_ERROR_EOF, "EOF occurred in violation of protocol")
            self._told += data
        code, _, words = self._told[5:].decode().partition("\0")
        if words and code == "CERT_UNTRUSTED":
            error = SSLCertVerificationError(SSL_ERROR_SSL, f"[SSL: CERTIFICATE_VERIFY_FAILED] {words}")
            error.library, error.reason = "SSL", "CERTIFICATE_VERIFY_FAILED"
            error.verify_code, error.verify_message = 20, words
            raise error
        if words:
            raise SSLError(SSL_ERROR_SSL, words)
        self._is_secured = True

    def _length(self):
        return 5 + int.from_bytes(self._told[3:5], "big") if len(self._told) >= 5 else 5

    def read(self, size=1024, buffer=None):
        """Up to size bytes, or into a buffer how many."""
        self.do_handshake()
        if buffer is None:
            return self._under.read(size)
        with memoryview(buffer).cast("B") as view:
            data = self._under.read(min(size, len(view)) if size > 0 else len(view))
            view[: len(data)] = data
        return len(data)

    def write(self, data):
        """Passes bytes on, and tells how many."""
        self.do_handshake()
        self._under.write(data)
        return memoryview(data).nbytes

    def shutdown(self):
        """Ends nothing: the host does with each request."""
        return self._under._sock() if isinstance(self._under, _OverSocket) else None

    def getpeercert(self, binary_form=False):
        """Empty: the host has looked at it, and does not tell."""
        if binary_form:
            _refuse()
        return {}

    def selected_alpn_protocol(self):
        """HTTP/1.1 if it was offered."""
        return "http/1.1" if self.context._offers_http else None

    def pending(self):
        """Nothing is kept here."""
        return 0

    def _unknown(self, *args):
        """None: the host does not tell."""

    get_verified_chain = get_unverified_chain = cipher = shared_ciphers = compression = _unknown
    get_channel_binding = version = _unknown
    verify_client_post_handshake = _refuse


class Certificate:
    """A certificate, of which there is none."""
