"""Imports the modules that scripts most often import, before the adapter. Runs in the build only.

They stay in `sys.modules`. The adapter needs most of them: were they imported between its own
modules, its objects would lie all over the memory, and each run would pay for the pages.
"""

import importlib

for _name in """
    abc argparse array ast asyncio base64 binascii bisect calendar codecs collections collections.abc
    concurrent.futures configparser contextlib contextvars copy csv dataclasses datetime decimal difflib
    enum fnmatch fractions functools glob graphlib gzip hashlib heapq hmac html html.parser inspect io
    itertools json linecache locale math numbers operator os os.path pathlib pickle platform pprint
    queue re reprlib secrets shutil signal socket string struct subprocess sys tempfile textwrap
    threading time tokenize tomllib traceback types typing unicodedata urllib.parse warnings
    weakref xml.etree.ElementTree zipfile zlib zoneinfo
    encodings.idna encodings.utf_8 encodings.latin_1 encodings.ascii encodings.utf_8_sig
    encodings.utf_16 encodings.cp1252 encodings.unicode_escape encodings.raw_unicode_escape
""".split():
    importlib.import_module(_name)
