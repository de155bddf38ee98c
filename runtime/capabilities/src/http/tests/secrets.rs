//! Connections: their headers are sent, and never come back.

use std::io::Write as _;
use std::sync::Arc;

use serde_json::json;
use wxmcp_run::ToolErrorKind;

use super::*;

const CANARY: &str = "canary-4cf1b6e2";

fn with_secret(base: &str) -> Http {
    let secret = format!("Bearer {CANARY}");
    http(
        &Arc::default(),
        &[("api", base, &[("Authorization", &secret)])],
    )
}

#[tokio::test]
async fn a_header_that_is_no_secret_is_left_in_what_comes_back() {
    let server = server(|_| answer("200 OK\r\ncontent-type: application/json", b"{}")).await;
    let headers = [("accept", "application/json"), ("authorization", CANARY)];
    let http = http(&Arc::default(), &[("api", &server.url("/"), &headers)]);
    let request = json!({"connection": "api", "url": "x"});
    let told = ask(&http, &["api"], request).await.unwrap().to_string();
    assert!(told.contains("application/json"), "{told}");
}

#[tokio::test]
async fn a_connection_adds_its_headers_and_hides_them_in_what_comes_back() {
    let server = server(|head| {
        let seen = head
            .lines()
            .find_map(|line| line.strip_prefix("authorization: "))
            .unwrap_or("none");
        let token = seen.split(' ').next_back().unwrap_or_default();
        if head.starts_with("GET /v1/gzip") {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(seen.as_bytes()).unwrap();
            return answer(
                "200 OK\r\ncontent-encoding: gzip",
                &encoder.finish().unwrap(),
            );
        }
        if head.starts_with("GET /v1/unknown") {
            return answer("200 OK\r\ncontent-encoding: rot13", seen.as_bytes());
        }
        let head = format!("200 {seen}\r\nx-seen: {token}\r\nx-{token}: 1");
        answer(
            &head,
            &[b"\xff", seen.as_bytes(), b" ", token.as_bytes()].concat(),
        )
    })
    .await;
    let http = with_secret(&server.url("/v1"));
    for path in ["x", "/x", "gzip", "x?a=1"] {
        let request = json!({"connection": "api", "url": path, "headers": [["accept-encoding", "br"], ["authorization", "mine"]]});
        let told = ask(&http, &["api"], request).await.unwrap().to_string();
        assert!(!told.contains(CANARY), "{told}");
        if !path.contains("gzip") {
            assert!(told.contains("[Authorization of api]"), "{told}");
        }
    }
    let request = json!({"connection": "api", "url": "unknown"});
    let error = ask(&http, &["api"], request).await.unwrap_err();
    assert!(
        error.message.contains("an encoding that is not known"),
        "{error}"
    );
    for head in server.heads() {
        assert!(
            head.contains(&format!("authorization: Bearer {CANARY}\r\n")),
            "{head}"
        );
        assert!(!head.contains("mine"), "{head}");
    }
}

#[tokio::test]
async fn a_granted_host_gets_no_secrets_and_a_connection_grants_no_host() {
    let server = server(|_| ok("")).await;
    let http = with_secret(&server.url("/v1"));
    let plain = json!({"url": server.url("/v1/x")});
    ask(&http, &["127.0.0.1", "api"], plain.clone())
        .await
        .unwrap();
    assert!(!server.heads()[0].contains("authorization"));
    let error = ask(&http, &["api"], plain).await.unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::NotGranted);
    let through = json!({"connection": "api", "url": "x"});
    let error = ask(&http, &["127.0.0.1"], through).await.unwrap_err();
    assert!(error.message.contains("`--allow-host api`"), "{error}");
    let other = json!({"connection": "other", "url": "x"});
    let error = ask(&http, &["other"], other).await.unwrap_err();
    assert!(
        error.message.contains("write `[connections.other]`"),
        "{error}"
    );
    assert_eq!(server.heads().len(), 1);
}

#[tokio::test]
async fn secrets_stay_below_the_connection_when_it_redirects() {
    let other = server(|_| ok("other")).await;
    let place = other.url("/");
    let server = server(move |head| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let place = match path {
            "/v1/inside" => "/v1/end".to_owned(),
            "/v1/beside" => "/v2/end".to_owned(),
            "/v1/climb" => "/v1/..%2fv2".to_owned(),
            "/v1/other" => place.clone(),
            "/v1/leak" => format!("{place}?token={CANARY}"),
            _ => return ok("end"),
        };
        answer(&format!("302 Found\r\nlocation: {place}"), b"")
    })
    .await;
    let http = with_secret(&server.url("/v1"));
    let to = |path: &str| json!({"connection": "api", "url": path});
    let last = || server.heads().pop().unwrap();
    ask(&http, &["api"], to("inside")).await.unwrap();
    assert!(last().contains(CANARY));
    for path in ["beside", "climb", "other"] {
        let error = ask(&http, &["api"], to(path)).await.unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::NotGranted, "{path}");
        ask(&http, &["api", "127.0.0.1"], to(path)).await.unwrap();
        assert!(
            path == "other" || !last().contains("authorization"),
            "{path}"
        );
    }
    assert!(!other.heads()[0].contains("authorization"));
    let error = ask(&http, &["api", "127.0.0.1"], to("leak"))
        .await
        .unwrap_err();
    assert!(
        error.message.contains("with a secret in the URL"),
        "{error}"
    );
    assert!(!error.message.contains(CANARY), "{error}");
    assert_eq!(other.heads().len(), 1);
}

#[tokio::test]
async fn an_error_does_not_show_a_secret_either() {
    let server = server(|_| {
        answer(
            &format!("302 Found\r\nlocation: https://{CANARY}.evil.test/"),
            b"",
        )
    })
    .await;
    let http = with_secret(&server.url("/"));
    let request = json!({"connection": "api", "url": "x"});
    let error = ask(&http, &["api"], request).await.unwrap_err();
    assert!(!format!("{error:?}").contains(CANARY), "{error:?}");
}
