//! Where requests may go, and where they may not.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;
use wxmcp_policy::Addresses;
use wxmcp_run::ToolErrorKind;

use super::*;

#[tokio::test]
async fn a_name_that_changes_its_address_is_checked_each_time() {
    let server = server(|_| ok("reached")).await;
    let port = server.port();
    let url = format!("http://api.test:{port}/");
    let resolver = Arc::new(Flipping::new(&[
        &["127.0.0.1"],
        &["127.0.0.2"],
        &["127.0.0.1", "127.0.0.2"],
        &["169.254.169.254"],
        &["::ffff:127.0.0.2"],
        &["fd00:ec2::254"],
    ]));
    let http = http(&resolver, &[]);
    let hosts = [
        &format!("api.test:{port}")[..],
        &format!("127.0.0.1:{port}"),
    ];
    let told = ask(&http, &hosts, json!({"url": url})).await.unwrap();
    assert_eq!(told["text"], "reached");
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 1);
    for _ in 0..5 {
        let error = ask(&http, &hosts, json!({"url": url})).await.unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::NotGranted);
        assert_eq!(
            error.message,
            format!(
                "`http://api.test:{port}` leads to an address that is not public: such an address is \
                 only reached when it is named itself: `--allow-host ADDRESS`"
            )
        );
    }
    assert_eq!(server.heads().len(), 1);
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 6);
}

/// A star, and the name itself, do not access what is not public.
#[tokio::test]
async fn private_addresses_need_their_own_name() {
    let server = server(|_| ok("reached")).await;
    let port = server.port();
    let http = http(&Arc::new(Flipping::new(&[&["127.0.0.1"]])), &[]);
    let any = format!("*:{port}");
    let name = format!("intern.test:{port}");
    let address = format!("127.0.0.0/8:{port}");
    let by_name = json!({"url": format!("http://intern.test:{port}/")});
    for hosts in [&[&any[..]][..], &[&name], &[&any, &name]] {
        let error = ask(&http, hosts, by_name.clone()).await.unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::NotGranted, "{hosts:?}");
        assert!(
            error
                .message
                .contains("leads to an address that is not public"),
            "{error}"
        );
    }
    let error = ask(&http, &[&address], by_name.clone()).await.unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::NotGranted);
    assert!(
        error.message.contains("intern.test") && error.message.contains(" is not granted: "),
        "{error}"
    );
    assert!(ask(&http, &["127.0.0.0/8", &any], by_name).await.is_ok());
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "%31%32%37.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
    ] {
        let request = json!({"url": format!("http://{host}:{port}/")});
        let error = ask(&http, &[&any, "localhost"], request.clone())
            .await
            .unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::NotGranted, "{host}");
        let wanted = format!("`--allow-host 127.0.0.1:{port}`");
        assert!(error.message.contains(&wanted), "{error}");
        let told = ask(&http, &["127.0.0.1"], request).await;
        assert_eq!(told.unwrap()["text"], "reached", "{host}");
    }
    let own = json!({"url": format!("http://localhost:{port}/")});
    let error = ask(&http, &[&any], own.clone()).await.unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::NotGranted);
    assert!(
        error
            .message
            .contains("leads to an address that is not public"),
        "{error}"
    );
    let told = ask(&http, &["localhost"], own).await.unwrap();
    assert_eq!(told["text"], "reached");
}

#[tokio::test]
async fn a_refusal_says_what_would_allow_it() {
    let http = http(&Arc::default(), &[]);
    for (url, wanted) in [
        ("https://api.example.com/x?key=canary", "api.example.com"),
        ("http://api.example.com/", "http://api.example.com"),
        ("http://2130706433:8080/", "127.0.0.1:8080"),
    ] {
        let error = ask(&http, &["other.test"], json!({"url": url}))
            .await
            .unwrap_err();
        assert!(
            error.message.ends_with(&format!(
                " is not granted: run the script with `--allow-host {wanted}`, or write \
                 `allow-hosts = [\"{wanted}\"]` under `[policy]` in wxmcp.toml"
            )),
            "{error}"
        );
        assert!(!error.message.contains("canary"), "{error}");
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
async fn each_redirect_is_checked_like_a_request() {
    let inner = server(|_| ok("inner")).await;
    let target = inner.url("/inner");
    let not_granted = |host: &str| format!("`{host}` is not granted: ");
    let invalid = |why: &str| format!("it redirects to what cannot be asked: {why}");
    let places = [
        (
            target.clone(),
            not_granted(target.trim_end_matches("/inner")),
        ),
        (
            "http://169.254.169.254/latest/meta-data/".to_owned(),
            not_granted("http://169.254.169.254"),
        ),
        (
            "http://2130706433/".to_owned(),
            not_granted("http://127.0.0.1"),
        ),
        (
            "//127.0.0.1:1/".to_owned(),
            not_granted("http://127.0.0.1:1"),
        ),
        (
            "https://evil.test/".to_owned(),
            not_granted("https://evil.test"),
        ),
        (
            "file:///etc/passwd".to_owned(),
            invalid("`file:` is no scheme"),
        ),
        (
            "http://u:p@127.0.0.1/".to_owned(),
            invalid("a URL with a user name"),
        ),
        ("http://[::1".to_owned(), invalid("`http://[::1` is no URL")),
    ];
    for (place, words) in places {
        let outer = server(move |_| answer(&format!("302 Found\r\nlocation: {place}"), b"")).await;
        let http = http(&Arc::default(), &[]);
        let granted = format!("127.0.0.1:{}", outer.port());
        let request = json!({"url": outer.url("/")});
        let refused = ask(&http, &[&granted], request.clone()).await;
        let error = refused.unwrap_err();
        assert!(error.message.contains(&words), "{error}");
        let manual = json!({"url": outer.url("/"), "redirect": "manual"});
        assert_eq!(
            ask(&http, &[&granted], manual).await.unwrap()["status"],
            302
        );
        let never = json!({"url": outer.url("/"), "redirect": "error"});
        let error = ask(&http, &["127.0.0.1"], never).await.unwrap_err();
        assert!(error.message.contains("it redirects, and"), "{error}");
    }
    assert!(inner.heads().is_empty());
    let outer = server(move |_| answer(&format!("302 Found\r\nlocation: {target}"), b"")).await;
    let http = http(&Arc::default(), &[]);
    let told = ask(&http, &["127.0.0.1"], json!({"url": outer.url("/")}))
        .await
        .unwrap();
    assert_eq!(
        (&told["text"], &told["redirected"]),
        (&json!("inner"), &json!(true))
    );
    assert_eq!(told["url"], inner.url("/inner"));
}

#[tokio::test]
async fn credentials_do_not_follow_to_another_origin() {
    let other = server(|_| ok("other")).await;
    let place = other.url("/other");
    let first = server(move |head| match head {
        head if head.starts_with("GET /here") => answer("307 x\r\nlocation: /there", b""),
        _ => answer(&format!("307 x\r\nlocation: {place}"), b""),
    })
    .await;
    let headers = [
        ["Authorization", "Bearer x"],
        ["Cookie", "a=b"],
        ["X-Mine", "1"],
    ];
    let http = http(&Arc::default(), &[]);
    let request = json!({"url": first.url("/here"), "headers": headers});
    ask(&http, &["127.0.0.1"], request).await.unwrap();
    let [here, there] = &first.heads()[..] else {
        panic!("{:?}", first.heads());
    };
    assert!(here.contains("authorization: Bearer x") && there.contains("cookie: a=b"));
    let [last] = &other.heads()[..] else {
        panic!("{:?}", other.heads());
    };
    assert!(
        !last.contains("authorization") && !last.contains("cookie"),
        "{last}"
    );
    assert!(last.contains("x-mine: 1"), "{last}");
}

#[tokio::test]
async fn redirects_end_at_a_limit_that_is_named() {
    let server = server(|_| answer("302 Found\r\nlocation: /again", b"")).await;
    let error = ask_server(&server, json!({})).await.unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::LimitReached);
    assert!(
        error.message.ends_with("redirects more than 5 times"),
        "{error}"
    );
    assert_eq!(server.heads().len(), 6);
}

#[tokio::test]
async fn what_is_sent_is_the_request_and_nothing_of_ours() {
    let server = server(|_| ok("")).await;
    let request = json!({"url": server.url("/a%20b?c=d#e"), "headers": [["X-A", "1"]]});
    let http = http(&Arc::default(), &[]);
    ask(&http, &["127.0.0.1"], request).await.unwrap();
    let [head] = &server.heads()[..] else {
        panic!("{:?}", server.heads());
    };
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    lines[1..].sort_unstable();
    let host = format!("host: {}", server.address);
    let agent = concat!("user-agent: wxmcp/", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        lines,
        [
            "GET /a%20b?c=d HTTP/1.1",
            "accept-encoding: gzip, deflate, br, zstd",
            "accept: */*",
            &host,
            agent,
            "x-a: 1",
        ]
    );
}

/// The secrets of a connection go where its name was meant to lead.
#[tokio::test]
async fn the_name_of_a_connection_reaches_only_public_and_granted_addresses() {
    let server = server(|_| ok("in")).await;
    let port = server.port();
    let asked = |name: &str, resolved: &'static str, granted: &[&str]| {
        let resolver = Arc::new(Flipping::new(&[&[resolved]]));
        let mut http = http(&resolver, &[]);
        let config = ConnectionConfig {
            url: format!("http://{name}:{port}/"),
            addresses: Addresses::new(granted).unwrap(),
            ..ConnectionConfig::default()
        };
        let site = Site::new("api", &config).unwrap();
        http.sites.insert("api".to_owned(), site);
        async move { ask(&http, &["api"], json!({"url": "", "connection": "api"})).await }
    };
    for (name, resolved, granted) in [
        ("api.test", "127.0.0.1", &[][..]),
        ("api.test", "127.0.0.1", &["127.0.0.2", "10.0.0.0/8"]),
        ("api.test", "169.254.169.254", &["127.0.0.1"]),
        ("api.test", "::ffff:10.0.0.7", &[]),
        ("localhost", "10.0.0.7", &[]),
    ] {
        let refused = asked(name, resolved, granted).await.unwrap_err();
        assert_eq!(refused.kind, ToolErrorKind::NotGranted, "{refused}");
        assert!(refused.message.contains("`addresses = ["), "{refused}");
        assert!(!refused.message.contains(resolved), "{refused}");
    }
    for (name, resolved, granted) in [
        ("api.test", "127.0.0.1", &["127.0.0.1"][..]),
        ("api.test", "::ffff:127.0.0.1", &["127.0.0.0/8"]),
        ("localhost", "127.0.0.1", &[]),
        ("127.0.0.1", "10.0.0.7", &[]),
    ] {
        let answer = asked(name, resolved, granted).await.unwrap();
        assert_eq!(answer["text"], "in", "{name}");
    }
}
