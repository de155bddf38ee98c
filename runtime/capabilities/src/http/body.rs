//! The body of an answer: bounded while it arrives, and while it is decoded.

use std::io::{Cursor, Read};

use brotli_decompressor::Decompressor;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// Largest body of an answer, in bytes: as it arrives, and decoded.
pub(super) const MAX_BODY: usize = 32 << 20;

/// What can be decoded, as it is asked for.
pub(super) const ACCEPTED: &str = "gzip, deflate, br, zstd";

/// Most encodings around each other.
const MAX_ENCODINGS: usize = 3;

/// What a sender may make zstd keep: 8 MiB, as its specification recommends to allow.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Bytes that a decoder of brotli takes at once.
const BROTLI_BUFFER: usize = 16 << 10;

/// Why a body cannot be decoded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DecodeError {
    /// Decoded, it is too large.
    #[error(
        "the answer's body has more than {MAX_BODY} bytes once it is decompressed ({0}): that is the limit"
    )]
    Bomb(&'static str),
    /// It is not what its header says.
    #[error("the answer's body is not the {0} that its header says it is")]
    Broken(&'static str),
    /// An encoding that is not known here, or too many.
    #[error("the answer's body has an encoding that is not known here")]
    Unknown,
}

/// One layer that can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Encoding {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// The encodings of an answer, in the order in which they were put on it.
pub(super) fn encodings(headers: &HeaderMap) -> Result<Vec<Encoding>, DecodeError> {
    let mut found = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let text = value.to_str().map_err(|_| DecodeError::Unknown)?;
        for name in text.split(',') {
            found.push(match name.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Encoding::Gzip,
                "deflate" => Encoding::Deflate,
                "br" => Encoding::Brotli,
                "zstd" => Encoding::Zstd,
                _ => return Err(DecodeError::Unknown),
            });
            if found.len() > MAX_ENCODINGS {
                return Err(DecodeError::Unknown);
            }
        }
    }
    Ok(found)
}

/// Takes the encodings off a body. Never holds more than the limit; blocks while it computes.
pub(super) fn decode(body: Vec<u8>, encodings: &[Encoding]) -> Result<Vec<u8>, DecodeError> {
    let Some(outermost) = encodings.last() else {
        return Ok(body);
    };
    let name = outermost.name();
    // Nothing was sent, as in the answer to HEAD.
    if body.is_empty() {
        return Ok(body);
    }
    let mut decoder: Box<dyn Read> = Box::new(Cursor::new(body));
    for encoding in encodings.iter().rev() {
        decoder = around(decoder, *encoding).map_err(|_| DecodeError::Broken(name))?;
    }
    let limit = u64::try_from(MAX_BODY).unwrap_or(u64::MAX);
    let mut decoded = Vec::new();
    decoder
        .take(limit.saturating_add(1))
        .read_to_end(&mut decoded)
        .map_err(|_| DecodeError::Broken(name))?;
    if decoded.len() > MAX_BODY {
        return Err(DecodeError::Bomb(name));
    }
    Ok(decoded)
}

fn around(mut inner: Box<dyn Read>, encoding: Encoding) -> std::io::Result<Box<dyn Read>> {
    Ok(match encoding {
        Encoding::Gzip => Box::new(MultiGzDecoder::new(inner)),
        Encoding::Brotli => Box::new(Decompressor::new(inner, BROTLI_BUFFER)),
        Encoding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::new(inner)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
        // By the standard with zlib's head; some servers leave it out.
        Encoding::Deflate => {
            let mut first = [0_u8; 1];
            inner.read_exact(&mut first)?;
            let is_zlib = first.iter().all(|byte| byte & 0x0f == 8);
            let whole = Cursor::new(first).chain(inner);
            if is_zlib {
                Box::new(ZlibDecoder::new(whole))
            } else {
                Box::new(DeflateDecoder::new(whole))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use http::HeaderValue;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn encodings_are_taken_off_in_their_order() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(b"hello").unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(b"hello").unwrap();
        let zstd = zstd::encode_all(&b"hello"[..], 1).unwrap();
        // `hello` in one uncompressed block of brotli.
        let brotli = [&[0x0b, 0x02, 0x80][..], b"hello", &[0x03]].concat();
        for (body, encodings) in [
            (gzip(b"hello"), &[Encoding::Gzip][..]),
            ([gzip(b"hel"), gzip(b"lo")].concat(), &[Encoding::Gzip]),
            (zlib.finish().unwrap(), &[Encoding::Deflate]),
            (raw.finish().unwrap(), &[Encoding::Deflate]),
            (zstd.clone(), &[Encoding::Zstd]),
            (gzip(&zstd), &[Encoding::Zstd, Encoding::Gzip]),
            (brotli, &[Encoding::Brotli]),
            (b"hello".to_vec(), &[]),
        ] {
            assert_eq!(
                decode(body, encodings),
                Ok(b"hello".to_vec()),
                "{encodings:?}"
            );
        }
        assert_eq!(decode(Vec::new(), &[Encoding::Gzip]), Ok(Vec::new()));
    }

    #[test]
    fn a_bomb_is_stopped_by_name_also_behind_another() {
        let bomb = gzip(&vec![0; MAX_BODY + 1]);
        assert!(bomb.len() < 100_000);
        let twice = gzip(&bomb);
        assert_eq!(
            decode(bomb, &[Encoding::Gzip]),
            Err(DecodeError::Bomb("gzip"))
        );
        let both = [Encoding::Gzip, Encoding::Gzip];
        assert_eq!(decode(twice, &both), Err(DecodeError::Bomb("gzip")));
        let zstd = zstd::encode_all(std::io::repeat(0).take(40 << 20), 1).unwrap();
        assert_eq!(
            decode(zstd, &[Encoding::Zstd]),
            Err(DecodeError::Bomb("zstd"))
        );
    }

    #[test]
    fn what_is_not_what_it_says_is_refused() {
        let cut = gzip(b"hello").get(..12).unwrap().to_vec();
        for encoding in [
            Encoding::Gzip,
            Encoding::Deflate,
            Encoding::Brotli,
            Encoding::Zstd,
        ] {
            let garbage = decode(vec![0xff; 100], &[encoding]);
            assert_eq!(garbage, Err(DecodeError::Broken(encoding.name())));
        }
        assert_eq!(
            decode(cut, &[Encoding::Gzip]),
            Err(DecodeError::Broken("gzip"))
        );
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip, lzma"));
        assert_eq!(encodings(&headers), Err(DecodeError::Unknown));
        headers.insert(
            CONTENT_ENCODING,
            HeaderValue::from_static("br, GZIP, identity"),
        );
        assert_eq!(
            encodings(&headers),
            Ok(vec![Encoding::Brotli, Encoding::Gzip])
        );
    }
}
