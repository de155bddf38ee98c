//! What is tried, each with a twin that asks for little and must work.

/// A script that costs its host as much as it can, and its twin.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// The mode of `fixtures/mcp/hostile.py`, if a server takes part.
    pub(crate) server: &'static [&'static str],
    /// Files of the folder: where, and what is in them.
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// Flags of `wxmcp run`, the script's arguments apart.
    pub(crate) flags: &'static [&'static str],
    /// The script; `sys.argv[1]` is how much to ask for.
    pub(crate) script: &'static str,
    /// How much the attack and its twin ask for.
    pub(crate) much: &'static str,
    pub(crate) little: &'static str,
    /// What the attack must be told, in its output or its error; nothing where it is only bounded.
    pub(crate) named: &'static str,
}

const USUAL: Attack = Attack {
    name: "",
    server: &[],
    files: &[],
    flags: &[],
    script: "",
    much: "",
    little: "",
    named: "",
};

/// Gathers calls, and prints the first refusal, or `fine`.
macro_rules! gather {
    ($call:literal) => {
        concat!(
            "import asyncio, sys\nfrom tools import t\nn = int(sys.argv[1])\nasync def main():\n",
            "    done = await asyncio.gather(*[",
            $call,
            " for _ in range(n)], return_exceptions=True)\n",
            "    failed = [one for one in done if isinstance(one, Exception)]\n",
            "    print(str(failed[0])[:200] if failed else 'fine')\nasyncio.run(main())\n"
        )
    };
}

pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: "streams of a large folder",
        files: &[("m/.keep", "")],
        flags: &["-v", "m:/m:rw"],
        script: "import os, sys\nfor i in range(5000):\n    os.close(os.open('/m/%06d' % i + 'x' * 240, os.O_CREAT | os.O_WRONLY))\n\
                 held = []\ntry:\n    for i in range(int(sys.argv[1])):\n        held.append(os.scandir('/m'))\n        next(held[-1])\n    print('fine')\n\
                 except OSError as error:\n    print(error)\n",
        much: "500",
        little: "2",
        ..USUAL
    },
    Attack {
        name: "tool files that hold memory",
        files: &[(
            "tools/t/mem.py",
            "import time\ndef mem(mb: int) -> int:\n    held = bytearray(b'\\1') * (mb << 20)\n    time.sleep(1)\n    return len(held)\n",
        )],
        script: gather!("t.mem.aio(mb=50)"),
        much: "20",
        little: "2",
        named: "host",
        ..USUAL
    },
    Attack {
        name: "instances that are kept",
        files: &[
            ("tools/t/k0.py", KEEP),
            ("tools/t/k1.py", KEEP),
            ("tools/t/k2.py", KEEP),
            ("tools/t/k3.py", KEEP),
            ("tools/t/k4.py", KEEP),
            ("tools/t/k5.py", KEEP),
            ("tools/t/k6.py", KEEP),
            ("tools/t/k7.py", KEEP),
        ],
        script: "import asyncio, sys, tools\nasync def main():\n    for i in range(8):\n        call = getattr(tools.t, f'k{i}')\n        \
                 await asyncio.gather(*[call.aio(mb=40) for _ in range(int(sys.argv[1]))], return_exceptions=True)\n    print('fine')\nasyncio.run(main())\n",
        much: "3",
        little: "1",
        ..USUAL
    },
    Attack {
        name: "arguments that tool files keep",
        files: &[(
            "tools/t/keep.py",
            "import time\ndef keep(x: str) -> int:\n    time.sleep(1)\n    return len(x)\n",
        )],
        script: gather!("t.keep.aio(x='x' * (8 << 20))"),
        much: "20",
        little: "2",
        named: "host",
        ..USUAL
    },
    Attack {
        name: "tool files that write to all they have",
        files: &[(
            "tools/t/touch.py",
            "import gc, time\ndef touch(n: int) -> int:\n    for i in range(n):\n        gc.collect()\n        kept = [(one, one) for one in gc.get_objects()]\n    time.sleep(1)\n    return len(kept)\n",
        )],
        script: gather!("t.touch.aio(n=2)"),
        much: "60",
        little: "2",
        named: "",
        ..USUAL
    },
    Attack {
        name: "what tool files hand out",
        files: &[(
            "tools/t/out.py",
            "import time\ndef out(n: int) -> int:\n    print('x' * n)\n    time.sleep(1)\n    return n\n",
        )],
        script: gather!("t.out.aio(n=1_000_000)"),
        much: "60",
        little: "2",
        named: "",
        ..USUAL
    },
    Attack {
        name: "numbers as arguments",
        files: &[(
            "tools/t/many.py",
            "def many(x: list[int]) -> int:\n    return len(x)\n",
        )],
        script: "import sys\ntry:\n    print('fine', call_tool('t.many', x=[0] * int(sys.argv[1])))\nexcept ToolError as error:\n    print(error)\n",
        much: "3000000",
        little: "10000",
        named: "`host-memory`",
        ..USUAL
    },
    Attack {
        name: "answers of numbers",
        server: &["large"],
        script: "import sys\ntry:\n    print('fine', len(call_tool('s.put', n=int(sys.argv[1]))['v']))\nexcept ToolError as error:\n    print(error)\n",
        much: "3000000",
        little: "10000",
        named: "too large",
        ..USUAL
    },
    Attack {
        name: "many branches against many items",
        server: &["branches", "50"],
        script: "import sys\nfor i in range(int(sys.argv[1])):\n    try:\n        call_tool('s.slow')\n    except ToolError as error:\n        print(str(error)[:200])\nprint('fine')\n",
        much: "4",
        little: "0",
        named: "is not what the tool declares",
        ..USUAL
    },
    Attack {
        name: "descriptions of dense schemas",
        server: &["dense"],
        script: "import sys, tools\ntry:\n    print('fine', len(tools.describe(*['s.d0'] * int(sys.argv[1]))))\nexcept ToolError as error:\n    print(error)\n",
        much: "200",
        little: "1",
        ..USUAL
    },
    Attack {
        name: "a server that does not read",
        server: &["deaf"],
        flags: &["--timeout", "60s"],
        script: "import asyncio, sys\nfrom tools import s\nasync def main():\n    for i in range(int(sys.argv[1])):\n        call = asyncio.ensure_future(s.put.aio(x='x' * (15 << 20)))\n        \
                 await asyncio.sleep(0.02)\n        call.cancel()\n        try:\n            await call\n        except BaseException as error:\n            if str(error): print(str(error)[:200])\n    print('fine')\nasyncio.run(main())\n",
        much: "80",
        little: "1",
        ..USUAL
    },
    Attack {
        name: "a list of 37 MiB",
        server: &["lists"],
        script: "import sys\ntry:\n    from tools import s\n    print('fine', len(dir(s)) if int(sys.argv[1]) else 0)\nexcept Exception as error:\n    print(str(error)[:200])\n",
        much: "1",
        little: "0",
        ..USUAL
    },
    Attack {
        name: "patterns that are large once compiled",
        server: &["patterns"],
        script: "import sys\nfor i in range(int(sys.argv[1])):\n    try:\n        call_tool('s.match', x='y')\n    except ToolError as error:\n        print(str(error)[:200])\nprint('fine')\n",
        much: "3",
        little: "0",
        ..USUAL
    },
    Attack {
        name: "tool files that spin",
        files: &[(
            "tools/t/spin.py",
            "def spin(end: bool) -> int:\n    while not end:\n        pass\n    return 1\n",
        )],
        flags: &["--timeout", "2s"],
        script: gather!("t.spin.aio(end=n == 1)"),
        much: "12",
        little: "1",
        named: "time limit",
        ..USUAL
    },
    Attack {
        name: "wxmcp's own configuration",
        files: &[("tools/d/count.py", "def count() -> int:\n    return 1\n")],
        flags: &["-v", ".:/w:rw"],
        script: "import sys\ncall_tool('d.count')\nnames = ['/w/tools/d/count.py', '/w/.mcp.json', '/w/wxmcp.toml']\n\
                 for name in names if sys.argv[1] == 'own' else ['/w/own.txt']:\n    try:\n        open(name, 'w').write('{}')\n        print('fine')\n    except OSError as error:\n        print(error)\n",
        much: "own",
        little: "other",
        named: "ermitted",
        ..USUAL
    },
    Attack {
        name: "links that lead out",
        files: &[("out/a.txt", "")],
        flags: &["-v", "out:/out:rw"],
        script: "import os, sys\ntry:\n    os.symlink(sys.argv[1], '/out/link')\n    print('fine')\nexcept OSError as error:\n    print(error)\n",
        much: "../private",
        little: "a.txt",
        named: "ermitted",
        ..USUAL
    },
    Attack {
        name: "a server that is silent",
        server: &["silent"],
        flags: &["--timeout", "1s", "--start-timeout", "3s"],
        script: "import sys\ntry:\n    if int(sys.argv[1]): call_tool('s.put')\n    print('fine')\nexcept ToolError as error:\n    print(error)\n",
        much: "1",
        little: "0",
        named: "start",
        ..USUAL
    },
];

/// A tool file that needs much memory once, and whose instances are kept.
const KEEP: &str = "from wxmcp import tool\n@tool(reusable=True)\ndef NAME(mb: int) -> int:\n    return len(bytearray(b'\\1') * (mb << 20))\n";
