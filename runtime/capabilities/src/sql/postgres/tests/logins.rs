//! Who may log in, and what nobody is told.

use super::*;

/// A certificate for these names, its key, and both as files of a folder.
fn certificate(
    folder: &std::path::Path,
    names: &[&str],
) -> Result<[std::path::PathBuf; 2], Box<dyn Error>> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names)?;
    let files = [folder.join("certificate.pem"), folder.join("key.pem")];
    std::fs::write(&files[0], made.cert.pem())?;
    std::fs::write(&files[1], made.signing_key.serialize_pem())?;
    Ok(files)
}

#[tokio::test]
async fn encryption_is_what_the_url_says() -> TestResult {
    let folder = tempfile::tempdir()?;
    let [own, key] = certificate(folder.path(), &["127.0.0.1"])?;
    let app = App::with(Server::start(&[
        "--tls".as_ref(),
        own.as_ref(),
        key.as_ref(),
    ])?)
    .await?;
    let other = tempfile::tempdir()?;
    let [other, _] = certificate(other.path(), &["127.0.0.1"])?;
    let look = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let own = own.display();
    for (mode, is_encrypted) in [
        ("".to_owned(), true),
        ("?sslmode=disable".to_owned(), false),
        ("?sslmode=prefer".to_owned(), true),
        ("?sslmode=require".to_owned(), true),
        (format!("?sslmode=verify-full&sslrootcert={own}"), true),
    ] {
        let url = format!("{}{mode}", app.url());
        let tool = Tool::new(&url, "main", Duration::from_secs(30))?;
        assert_eq!(tool.value(look).await?, json!(is_encrypted), "{mode}");
    }
    for (url, words) in [
        // Whom browsers trust did not sign it; nor did the other one.
        (
            format!("{}?sslmode=verify-full", app.url()),
            "certificate is not valid for it",
        ),
        (
            format!(
                "{}?sslmode=verify-full&sslrootcert={}",
                app.url(),
                other.display()
            ),
            "certificate is not valid for it",
        ),
        (
            format!("{}?sslmode=verify-full&sslrootcert={own}", app.url())
                .replace("127.0.0.1", "localhost"),
            "certificate is not valid for it",
        ),
        (
            format!("{}?sslmode=verify-full&sslrootcert=/nowhere", app.url()),
            "`sslrootcert` of the URL holds no certificates",
        ),
    ] {
        let error = Tool::new(&url, "main", Duration::from_secs(30))?
            .refused("SELECT 1")
            .await?;
        assert!(error.message.contains(words), "{error}");
        assert!(
            !error.message.contains(CANARY) && !error.message.contains("127.0.0.1"),
            "{error}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn what_must_be_encrypted_is_never_sent_in_the_clear() -> TestResult {
    let app = App::start().await?;
    for mode in ["require", "verify-full"] {
        let url = format!("{}?sslmode={mode}", app.url());
        let tool = Tool::new(&url, "main", Duration::from_secs(30))?;
        let error = tool.refused("SELECT 1").await?;
        assert!(
            error
                .message
                .contains("the server does not encrypt, and `sslmode`"),
            "{error}"
        );
    }
    for mode in ["prefer", "disable"] {
        let url = format!("{}?sslmode={mode}", app.url());
        let tool = Tool::new(&url, "main", Duration::from_secs(30))?;
        assert_eq!(tool.value("SELECT 1").await?, json!(1));
    }
    Ok(())
}

#[tokio::test]
async fn a_login_that_reaches_more_than_its_database_is_refused() -> TestResult {
    let mut app = App::start().await?;
    let Server { port, password, .. } = &app.server;
    let url = format!("postgres://postgres:{password}@127.0.0.1:{port}/app");
    for grant in ["main", "main:rw"] {
        let tool = Tool::new(&url, grant, Duration::from_secs(30))?;
        let error = tool.refused("SELECT 1").await?;
        assert_eq!(error.kind, ToolErrorKind::NotGranted);
        assert!(
            error.message.contains("its login has the role `postgres`"),
            "{error}"
        );
    }
    app.admin("CREATE ROLE between NOLOGIN").await?;
    app.admin("GRANT between TO wx").await?;
    for role in [
        "pg_execute_server_program",
        "pg_read_server_files",
        "pg_write_server_files",
        "pg_signal_backend",
    ] {
        app.admin(&format!("GRANT {role} TO between")).await?;
        let error = app.reader()?.refused("SELECT 1").await?;
        assert!(error.message.contains(role), "{error}");
        app.admin(&format!("REVOKE {role} FROM between")).await?;
        assert_eq!(app.reader()?.value("SELECT 1").await?, json!(1));
    }
    Ok(())
}

#[tokio::test]
async fn the_password_is_in_no_error() -> TestResult {
    let mut app = App::start().await?;
    let port = app.server.port;
    // A port that is taken, and on which nobody listens.
    let taken = tokio::net::TcpSocket::new_v4()?;
    taken.bind("127.0.0.1:0".parse()?)?;
    let free = taken.local_addr()?.port();
    let wrong = "wrong-canary-7d1e55aa";
    for (url, words) in [
        (
            format!("postgres://wx:{wrong}@127.0.0.1:{port}/app"),
            "SQLSTATE 28P01",
        ),
        (
            format!("postgres://wx:{CANARY}@127.0.0.1:{port}/nowhere"),
            "SQLSTATE 3D000",
        ),
        (
            format!("postgres://{CANARY}:{CANARY}@127.0.0.1:{port}/app"),
            "user \"[password]\"",
        ),
        (
            format!("postgres://wx:{CANARY}@127.0.0.1:{free}/app"),
            "cannot be reached: connection refused",
        ),
        (
            format!("postgres://wx:{CANARY}@canary-7d1e55aa.invalid:{port}/app"),
            "cannot be reached",
        ),
    ] {
        let tool = Tool::new(&url, "main", Duration::from_secs(30))?;
        let error = tool.refused("SELECT 1").await?;
        assert!(error.message.contains(words), "{error}");
        let all = format!("{error:?} {:?} {:?}", tool.databases, tool.held);
        assert!(!all.contains("canary"), "{all}");
    }
    let tool = app.writer()?;
    for statement in [
        format!(
            "DO $$ BEGIN RAISE EXCEPTION 'cannot access postgres://wx:{CANARY}@h/d' USING DETAIL = '{CANARY}', HINT = '{CANARY}'; END $$"
        ),
        format!("SELECT '{CANARY}'::int"),
        format!("SELECT \"{CANARY}\""),
    ] {
        let error = tool.refused(&statement).await?;
        assert!(!format!("{error:?}").contains(CANARY), "{error:?}");
        assert!(error.message.contains("[password]"), "{error:?}");
    }
    // Logins that show the password to whoever listens are not made.
    app.admin("SET password_encryption TO md5").await?;
    assert_eq!(tool.value("SELECT 1").await?, json!(1));
    Ok(())
}

#[tokio::test]
async fn a_server_that_asks_for_the_password_in_the_clear_does_not_get_it() -> TestResult {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let thief = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("postgres://wx:{CANARY}@{}/app", thief.local_addr()?);
    let stolen = async {
        let (mut stream, _) = thief.accept().await?;
        let mut request = [0; 8];
        stream.read_exact(&mut request).await?;
        stream.write_all(b"N").await?;
        let mut greeting = [0; 64];
        let _length = stream.read(&mut greeting).await?;
        stream.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]).await?;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await?;
        Ok::<_, std::io::Error>(rest)
    };
    let tool = Tool::new(&url, "main", Duration::from_secs(30))?;
    let (rest, error) = tokio::join!(stolen, tool.refused("SELECT 1"));
    assert!(!String::from_utf8_lossy(&rest?).contains(CANARY));
    assert!(error?.message.contains("a password in the clear"));
    Ok(())
}

/// Lengths of gigabytes, texts that are no protocol, and silence after half a message.
#[tokio::test]
async fn a_lying_server_is_an_error_and_takes_no_memory() -> TestResult {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (large, odd, lost) = (
        "a row has more than 33554432 bytes",
        "the server sent what is not expected here",
        "the connection to the server was lost",
    );
    for (lie, words) in [
        (&b"R\x7f\xff\xff\xff\0\0\0\0"[..], large),
        (b"R\xff\xff\xff\xff", odd),
        (b"R\0\0\0\x01", odd),
        (b"HTTP/1.1 200 OK\r\n\r\n", large),
        (b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05X", lost),
        (b"E\0\0\0\x04", "the server refuses the login"),
        (b"R\0\0\0\x08\0\0\0\x0a", odd),
        (b"", lost),
    ] {
        let liar = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("postgres://wx:p@{}/app?sslmode=disable", liar.local_addr()?);
        let lying = async {
            let (mut stream, _) = liar.accept().await?;
            let mut greeting = [0; 64];
            let _length = stream.read(&mut greeting).await?;
            stream.write_all(lie).await?;
            stream.shutdown().await?;
            let mut rest = Vec::new();
            let _closed = stream.read_to_end(&mut rest).await;
            Ok::<_, std::io::Error>(())
        };
        let tool = Tool::new(&url, "main", Duration::from_secs(30))?;
        let (told, error) = tokio::join!(lying, tool.refused("SELECT 1"));
        told?;
        let error = error?;
        assert!(error.message.contains(words), "{lie:?}: {error}");
    }
    Ok(())
}
