//! Requests and calls that go on at once, from threads and tasks of a run in a worker process.

use serde_json::json;

use crate::client::{Client, Era, text};
use crate::support::{TestResult, http, tree};

const TOOLS: [(&str, &str); 1] = [(
    "tools/sums/double.py",
    "def double(n: int) -> int:\n    return 2 * n\n",
)];

/// Each of three requests waits for the others, so they are under way at once, or the test ends as failed.
#[test]
fn threads_and_tasks_ask_hosts_at_once() -> TestResult {
    let folder = tree(&TOOLS)?;
    let host = format!("127.0.0.1:{}", http::start()?);
    let mut client = Client::start(folder.path(), Era::Modern, &["--allow-host", &host]);
    let fetch = format!(
        "import asyncio, threading, time, urllib.request\nfrom concurrent.futures import ThreadPoolExecutor\n\
         def fetch(path):\n    \
             with urllib.request.urlopen('http://{host}' + path, timeout=30) as response:\n        \
                 return response.read().decode()\n"
    );
    let pool =
        "with ThreadPoolExecutor(3) as pool:\n    got = list(pool.map(fetch, ['/meet'] * 3))\ngot";
    let to_thread = "await asyncio.gather(*(asyncio.to_thread(fetch, '/meet') for _ in range(3)), \
                     asyncio.to_thread(sums.double, n=21), asyncio.to_thread(time.sleep, 0.001))";
    let in_loop = "async def main():\n    \
                       return await asyncio.gather(*(asyncio.to_thread(fetch, '/meet') for _ in range(3)))\n\
                   asyncio.run(main())";
    let threads = "out = []\n\
                   threads = [threading.Thread(target=lambda n=n: out.append(sums.double(n=n))) for n in range(5)]\n\
                   for it in threads: it.start()\nfor it in threads: it.join()\nsorted(out)";
    for (code, value) in [
        (pool, json!(["met", "met", "met"])),
        (to_thread, json!(["met", "met", "met", 42, null])),
        (in_loop, json!(["met", "met", "met"])),
        (threads, json!([0, 2, 4, 6, 8])),
    ] {
        let result = client.run(&format!("{fetch}{code}"));
        assert_eq!(result["structuredContent"]["value"], value, "{result}");
    }
    // The same in a session, where the function is one of an earlier run.
    let begun = client.call("run_code", json!({"code": fetch, "session": "new"}));
    let session = &begun["structuredContent"]["session"];
    for (code, value) in [
        (to_thread, json!(["met", "met", "met", 42, null])),
        (
            "pool = ThreadPoolExecutor(3)\nfirst = pool.submit(fetch, '/hello')\nfirst.result()",
            json!("hello"),
        ),
        (
            "[it.result() for it in [first] + [pool.submit(fetch, '/meet') for _ in range(3)]]",
            json!(["hello", "met", "met", "met"]),
        ),
    ] {
        let result = client.call("run_code", json!({"code": code, "session": session}));
        assert_eq!(result["structuredContent"]["value"], value, "{result}");
    }
    let code = format!(
        "const met = Array.from({{length: 3}}, async () => (await fetch('http://{host}/meet')).text());\n\
         return [await Promise.all([...met, sums.double({{n: 21}})])];"
    );
    let result = client.run_typescript(&code);
    let value = json!([["met", "met", "met", 42]]);
    assert_eq!(result["structuredContent"]["value"], value, "{result}");
    Ok(())
}

#[test]
fn a_host_that_is_not_granted_is_refused_in_a_thread_by_name() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let host = format!("127.0.0.1:{}", http::start()?);
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let refused = format!(
        "`http://{host}` is not granted: run the script with `--allow-host {host}`, \
         or write `allow-hosts = [\"{host}\"]` under `[policy]` in wxmcp.toml"
    );
    let python = format!(
        "import asyncio, urllib.request\nawait asyncio.to_thread(urllib.request.urlopen, 'http://{host}/hello')"
    );
    let result = client.run(&python);
    assert!(text(&result).contains(&refused), "{result}");
    let result = client.run_typescript(&format!("await fetch('http://{host}/hello')"));
    assert!(text(&result).contains(&refused), "{result}");
    Ok(())
}
